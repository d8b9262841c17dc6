# A self-hosted registry, with the guide's commands and the real Docker: from the certificate to an upgrade,
# and a clean-up.
# wirings: helpers
# texts: own other
need docker-compose docker-proxy crane registry docker-registry htpasswd openssl
ip link show sandbox0 >/dev/null 2>&1 || { echo "skipped: this kernel has no bridges, which containers need"; exit 77; }
. "$CLIENTS/walk.sh"
unset REQUESTS_CA_BUNDLE CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE
PORT=5443
image=${CORP%:*}:$PORT/team1/app:1.2.3

# official NAME PROGRAM CONFIG: like Docker Hub's image of a registry, with its libraries and Alpine's other files.
official() {
    local folder=$HOME/images/$1 library
    mkdir -p "$folder/bin"
    cp "$(command -v "$2")" "$folder/bin/registry"
    cp "$(command -v busybox)" "$folder/bin/find"
    for library in $(ldd "$folder/bin/registry" 2>/dev/null | grep -oE '/[^ ]+'); do cp -L --parents "$library" "$folder"; done
    printf 'FROM scratch\nCOPY . /\nENTRYPOINT ["registry"]\nCMD ["serve", "%s"]\n' "$3" >"$folder.dockerfile"
    docker buildx build --quiet --provenance=false --push --tag "127.0.0.1:5005/library/$1" --file "$folder.dockerfile" "$folder" \
        >"$SAID" 2>&1 || fail "Docker Hub has no $1"
}
official registry:3 registry /etc/distribution/config.yml
official registry:2 docker-registry /etc/docker/registry/config.yml
mkdir -p "$HOME/images/busybox"
cp "$(command -v busybox)" "$HOME/images/busybox/tar"
ln "$HOME/images/busybox/tar" "$HOME/images/busybox/gzip"
printf 'FROM scratch\nCOPY tar gzip /bin/\n' >"$HOME/images/busybox/Dockerfile"
docker buildx build --quiet --provenance=false --push --tag 127.0.0.1:5005/library/busybox:latest "$HOME/images/busybox" \
    >"$SAID" 2>&1 || fail "Docker Hub has no busybox"

# serves: waits until the registry requires a login.
serves() {
    local turn
    for ((turn = 0; turn < 600; turn++)); do
        [ "$(curl --silent --cacert registry.crt --output /dev/null --write-out '%{http_code}' "https://${CORP%:*}:$PORT/v2/")" != 401 ] || return 0
        sleep 0.1
    done
    docker logs registry >"$SAID" 2>&1
    fail "the registry does not start"
}

guided "$image" set-up.configure 's/^credmint configure/& --yes/'
guided "$image" registry.certificate-settings
guided "$image" registry.certificate
export SSL_CERT_FILE=$PWD/registry.crt
echo sesame >token.txt
# It prompts twice, but not if it reads from a file.
guided "$image" registry.password 's/-cB\(.*\)/-icB\1 <token.txt/'
guided "$image" registry.config
guided "$image" registry.compose
guided "$image" registry.run
serves
guided "$image" sign-in.server
works "an image is pushed" crane copy "127.0.0.1:5001/$APP:1" "$image"
guided "$image" registry.check
docker rm --force --volumes registry >"$SAID"
docker volume rm registry >"$SAID"

guided "$image" registry.up
serves
works "an image is pushed" crane copy "127.0.0.1:5001/$APP:1" "$image"
guided "$image" registry.check
docker compose down --volumes >"$SAID" 2>&1

works "the version before" docker run --detach --name registry --publish $PORT:5000 --volume registry:/var/lib/registry \
    --volume ./config.yml:/etc/docker/registry/config.yml:ro --volume ./registry.crt:/certs/registry.crt:ro \
    --volume ./registry.key:/certs/registry.key:ro --volume ./htpasswd:/auth/htpasswd:ro registry:2
serves
for number in 1 2; do
    commits $number
    # Through another registry, because the engine does not trust this one.
    works "version $number of an image" docker buildx build --quiet --provenance=false --platform linux/amd64,linux/arm64 \
        --push --tag "127.0.0.1:5001/octo-org/own/app:$number" .
    works "it is pushed" crane copy "127.0.0.1:5001/octo-org/own/app:$number" "$image"
    digests[number]=$(crane digest "$image")
done
signed "$image"
guided "$image" registry.backup
tar tzf registry.tgz >"$SAID"
grep -q repositories/team1/app "$SAID" || fail "the copy has no images"
guided "$image" registry.upgrade
serves
says "it is version 3" 'registry:3' docker inspect --format '{{.Config.Image}}' registry
guided "$image" registry.check
guided "$image" sign.verify-key

guided "$image" clean-up.script
guided "$image" clean-up.list
grep -qx "${digests[1]}" unneeded.txt || fail "what no tag leads to is not listed"
guided "$image" clean-up.delete
guided "$image" clean-up.collect
serves
kept "$image" 1.2.3
refused "what no tag leads to is gone" 'MANIFEST_UNKNOWN' crane manifest "${image%:*}@${digests[1]}"
guided "$image" sign.verify-key

guided "$image" engine.doctor
guided "$image" trouble.doctor
guided "$image" build.builder
says "the builder is there" '^credmint\*' docker buildx ls
works "the builder goes" docker buildx rm credmint
docker compose down --volumes >"$SAID" 2>&1
