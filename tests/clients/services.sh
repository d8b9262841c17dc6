# shellcheck shell=bash
# What runs in the sandbox: registries, the clouds in front of them, engines. Sourced by `run`.

# A host of each kind, with its name for the cases.
export ECR=123456789012.dkr.ecr.us-east-1.amazonaws.com
export ECR_EU=123456789012.dkr.ecr.eu-west-1.amazonaws.com
# Of another account, which accepts only its own keys.
export ECR_OTHER=210987654321.dkr.ecr.us-east-1.amazonaws.com
export PUBLIC=public.ecr.aws
export ACR=contoso.azurecr.io
export GAR=europe-docker.pkg.dev
export GHCR=ghcr.io
# A registry with htpasswd, at another port: corp, secret.
export CORP=registry.corp.example:5000
# A registry with a token server at another host: hub, sesame.
export TOKENS=hub.corp.example
# Docker Hub, which the engines use by a mirror: dockerhub, dckr_pat.
export HUB=docker.io
# GitLab's: alice, glpat-pretend.
export GITLAB=registry.gitlab.com
# The image of every registry, for two platforms; and the public one.
export APP=octo-org/team/app
export OPEN=octo-org/public/app

AWS_HOSTS=api.ecr.us-east-1.amazonaws.com,api.ecr.eu-west-1.amazonaws.com,api.ecr-public.us-east-1.amazonaws.com,sts.amazonaws.com,sts.us-east-1.amazonaws.com,portal.sso.us-east-1.amazonaws.com,oidc.us-east-1.amazonaws.com
AZURE_HOSTS=login.microsoftonline.com,management.azure.com,graph.microsoft.com
GOOGLE_HOSTS=oauth2.googleapis.com,sts.googleapis.com,iamcredentials.googleapis.com,artifactregistry.googleapis.com,iam.googleapis.com,serviceusage.googleapis.com,cloudresourcemanager.googleapis.com,containeranalysis.googleapis.com
GITHUB_HOSTS=api.github.com,github.com
HUB_HOSTS="registry-1.docker.io,index.docker.io,auth.docker.io,docker.io,hub.docker.com"
TOKENS_HOSTS=$TOKENS,auth.corp.example

# The lines of the sandbox's hosts file.
names() {
    echo "192.0.2.2 ${AWS_HOSTS//,/ }"
    echo "192.0.2.3 $ECR $ECR_EU $ECR_OTHER"
    echo "192.0.2.4 $PUBLIC"
    echo "192.0.2.5 ${GOOGLE_HOSTS//,/ }"
    echo "192.0.2.6 $GAR"
    echo "192.0.2.7 ${GITHUB_HOSTS//,/ }"
    echo "192.0.2.8 $GHCR"
    echo "192.0.2.9 ${HUB_HOSTS//,/ }"
    echo "192.0.2.10 ${TOKENS_HOSTS//,/ }"
    echo "192.0.2.11 ${CORP%:*} mirror.corp.example"
    echo "192.0.2.12 ${AZURE_HOSTS//,/ }"
    echo "192.0.2.13 $ACR"
    echo "192.0.2.14 $GITLAB gitlab.com"
}

# The port of each registry without authentication, on 127.0.0.1.
BACK_DOORS=(5001 5002 5003 5004 5005 5006 5007 5008)
# The registries of clouds that delete images by their own API.
CLOUDS_DOORS=(5002 5003 5004 5005 5007 5008)

open_registries() {
    local port
    for port in "${BACK_DOORS[@]}"; do
        open_registry "$port" "http: {addr: '127.0.0.1:$port'}"
    done
    for port in "${BACK_DOORS[@]}"; do
        await "the registry at $port" listening 127.0.0.1 "$port"
    done
}

# open_registry NAME SETTINGS: Docker's own registry, with its own folder.
open_registry() {
    local registry=docker-registry
    mkdir -p "$SANDBOX/registries/$1"
    printf 'version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {delete: {enabled: true}, filesystem: {rootdirectory: %s}}\n%s\n' \
        "$SANDBOX/registries/$1" "$2" >"$SANDBOX/registries/$1.yml"
    # The lock of OpenTelemetry's exporter costs a second at the end of newer releases.
    # Clouds delete single tags, and only version 3 does; where it is missing, so are those cases.
    if [[ " ${CLOUDS_DOORS[*]} " = *" $1 "* ]] && command -v registry >/dev/null; then registry=registry; fi
    OTEL_TRACES_EXPORTER=none "$registry" serve "$SANDBOX/registries/$1.yml" >"$SANDBOX/registry-$1.log" 2>&1 &
}

open_clouds() {
    # Its standard input is a pipe that this shell holds open.
    exec 9> >(exec pretend-clouds "$SANDBOX/clouds" 127.0.0.1:8800 --imds 169.254.169.254:80 --gce 192.0.2.5:80 \
        --aws 192.0.2.2:443 "$AWS_HOSTS" --aws-account 210987654321 AKIAOTHER0000000000 \
        --ecr 192.0.2.3:443 "$ECR,$ECR_EU,$ECR_OTHER" 127.0.0.1:5001 \
        --ecr 192.0.2.4:443 "$PUBLIC" 127.0.0.1:5002 \
        --azure 192.0.2.12:443 "$AZURE_HOSTS" --acr 192.0.2.13:443 "$ACR" 127.0.0.1:5007 \
        --google 192.0.2.5:443 "$GOOGLE_HOSTS" --gar 192.0.2.6:443 "$GAR" 127.0.0.1:5003 \
        --github 192.0.2.7:443 "$GITHUB_HOSTS" --github-app octo-org --github-token ghp_pretendClassicToken0000000000000000 \
        --ghcr 192.0.2.8:443 "$GHCR" 127.0.0.1:5004 \
        --hub 192.0.2.9:443 "$HUB_HOSTS" 127.0.0.1:5005 auth.docker.io dockerhub dckr_pat \
        --hub 192.0.2.10:443 "$TOKENS_HOSTS" 127.0.0.1:5006 auth.corp.example hub sesame \
        --gitlab 192.0.2.14:443 "$GITLAB,gitlab.com" 127.0.0.1:5008 alice glpat-pretend \
        --certificate "${CORP%:*},mirror.corp.example" >"$SANDBOX/clouds.log" 2>&1)
    await "the pretend clouds" grep -q ready "$SANDBOX/clouds.log"
    htpasswd -Bbn corp secret >"$SANDBOX/htpasswd"
    local tls="tls: {certificate: $SANDBOX/clouds/server.pem, key: $SANDBOX/clouds/server.pem}"
    open_registry corp "http: {addr: '192.0.2.11:5000', $tls}
auth: {htpasswd: {realm: corp, path: $SANDBOX/htpasswd}}"
    await "the registry with htpasswd" listening 192.0.2.11 5000
}

# The mirror signs in to Docker Hub by itself, and requires no login.
open_mirror() {
    local tls="tls: {certificate: $SANDBOX/clouds/server.pem, key: $SANDBOX/clouds/server.pem}"
    open_registry mirror "http: {addr: '192.0.2.11:443', $tls}
proxy: {remoteurl: 'https://registry-1.docker.io', username: dockerhub, password: dckr_pat}"
    await "the mirror" listening 192.0.2.11 443
}

# One engine has containerd's image store, with several platforms; the other has the classic one.
open_engines() {
    open_mirror
    # A network for containers, without a route: the SBOM generator needs one called `bridge`.
    local bridge=none
    if ip link add sandbox0 type bridge 2>/dev/null; then
        ip address add 172.30.0.1/24 dev sandbox0
        ip link set sandbox0 up
        bridge=sandbox0
    fi
    local mirrored='"registry-mirrors": ["https://mirror.corp.example"]'
    open_engine containerd "$mirrored, $CONTAINERD_STORE, \"bridge\": \"$bridge\""
    open_engine classic "$mirrored, "'"features": {"containerd-snapshotter": false}, "storage-driver": "vfs", "bridge": "none"'
    local engine
    for engine in containerd classic; do
        await "the engine ($engine)" env DOCKER_HOST="unix://$SANDBOX/$engine.sock" docker version
    done
    export DOCKER_HOST="unix://$SANDBOX/containerd.sock"
}

CONTAINERD_STORE='"features": {"containerd-snapshotter": true}, "storage-driver": "native"'

# open_engine NAME SETTINGS
open_engine() {
    local name=$1
    printf '{"iptables": false, "ip6tables": false, "ip-forward": false, %s}\n' \
        "$2" >"$SANDBOX/$name.json"
    dockerd --config-file "$SANDBOX/$name.json" --host "unix://$SANDBOX/$name.sock" --data-root "$SANDBOX/engines/$name" \
        --exec-root "$SANDBOX/engines/$name-run" --pidfile "$SANDBOX/$name.pid" >"$SANDBOX/engine-$name.log" 2>&1 &
}

# Pushes one image to every registry without authentication.
stock() {
    local folder="$SANDBOX/stock" from port
    mkdir -p "$folder" "$HOME/.docker/cli-plugins"
    ln -s "$SANDBOX"/plugins/* "$HOME/.docker/cli-plugins/"
    echo 'a file of the private image' >"$folder/file.txt"
    from=127.0.0.1:${BACK_DOORS[0]}/$APP:1
    printf 'FROM scratch\nCOPY file.txt /\n' >"$folder/Dockerfile"
    docker buildx build --quiet --platform linux/amd64,linux/arm64 --push --tag "$from" "$folder" >"$SANDBOX/said" 2>&1 ||
        fail "the registries cannot be stocked"
    for port in "${BACK_DOORS[@]}"; do
        for name in "$APP" "$OPEN"; do
            crane copy "$from" "127.0.0.1:$port/$name:1" >"$SANDBOX/said" 2>&1 || fail "no image for $port"
        done
    done
    crane copy "$from" "127.0.0.1:5005/library/app:1" >"$SANDBOX/said" 2>&1 || fail "no official image"
    stock_scanner
    crane auth login "$CORP" -u corp -p secret 2>/dev/null
    crane copy "$from" "$CORP/$APP:1" >"$SANDBOX/said" 2>&1 || fail "no image for $CORP"
    rm "$HOME/.docker/config.json"
}

# The image that BuildKit runs for `--sbom`, by its name on Docker Hub: a fake that
# records that it ran.
stock_scanner() {
    local folder="$SANDBOX/scanner"
    mkdir "$folder"
    cp "$(command -v busybox)" "$folder/"
    cat >"$folder/scan" <<'END'
#!/busybox sh
/busybox cat >"$BUILDKIT_SCAN_DESTINATION/sbom.spdx.json" <<SBOM
{"_type": "https://in-toto.io/Statement/v0.1", "predicateType": "https://spdx.dev/Document",
 "predicate": {"SPDXID": "SPDXRef-DOCUMENT", "name": "made by the stand-in"}}
SBOM
END
    chmod +x "$folder/scan"
    printf 'FROM scratch\nCOPY busybox scan /\nENTRYPOINT ["/scan"]\n' >"$folder/Dockerfile"
    docker buildx build --quiet --push --tag 127.0.0.1:5005/docker/buildkit-syft-scanner:stable-1 "$folder" \
        >"$SANDBOX/said" 2>&1 || fail "Docker Hub has no scanner"
}
