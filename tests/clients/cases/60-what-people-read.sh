# An identity that expires: every client shows the error and the remedy.
# wirings: helpers store
need docker-buildx
wire "$ECR" "$ACR" "$GAR" "$GHCR"
. "$CLIENTS/containers.sh"
[ "$WIRING" = helpers ] || credmint configure --yes --podman "$ECR" "$ACR" "$GAR" "$GHCR" >"$SAID" 2>&1

# A laptop that is signed in with single sign-on.
rm "$HOME/.aws/credentials"
export AWS_PROFILE=dev
cat >"$HOME/.aws/config" <<'END'
[profile dev]
sso_session = corp
sso_account_id = 123456789012
sso_role_name = pull
region = us-east-1
[sso-session corp]
sso_region = us-east-1
sso_start_url = https://corp.example/start
sso_registration_scopes = sso:account:access
END
# sign_on WHEN: writes the files of `aws sso login`, with this expiry.
sign_on() {
    mkdir -p "$HOME/.aws/sso/cache"
    printf '{"accessToken": "x", "expiresAt": "%s", "region": "us-east-1", "startUrl": "https://corp.example/start"}\n' \
        "$1" >"$HOME/.aws/sso/cache/$(printf corp | sha1sum | cut -c 1-40).json"
}

# It expires between the build and the push.
cp "$(command -v busybox)" .
printf 'FROM %s/%s:1\nCOPY busybox /bin/\nRUN ["/bin/busybox", "sleep", "10"]\n' "$ECR" "$APP" >Dockerfile
ask token-life/9 >/dev/null
sign_on 2099-01-01T00:00:00Z
export DOCKER_HOST=unix://$SANDBOX/classic.sock
minted() {
    ask calls | jq ".[\"$MINT_ECR\"] // 0"
}
before=$(minted)
(until [ "$(minted)" -gt "$before" ]; do sleep 0.1; done && sign_on 2001-01-01T00:00:00Z) &
refused "a session that ends while a build runs" 'aws sso login --profile dev' \
    docker buildx build --network none --no-cache --pull --push --tag "$ECR/octo-org/team/ended:1" .
export DOCKER_HOST=unix://$SANDBOX/containerd.sock
ask token-life/43200 >/dev/null
credmint cache clear >"$SAID" 2>&1

# A client secret that was changed, a key that was deleted at Google, and a GitHub App whose key was replaced.
google=$HOME/google.json
jq '.private_key_id = "gone"' "$SANDBOX/clouds/google-key.json" >"$google"
export GOOGLE_APPLICATION_CREDENTIALS=$google
openssl genrsa -traditional -out "$HOME/other.pem" 2048 2>/dev/null
export AZURE_CLIENT_SECRET=changed
export GITHUB_APP_PRIVATE_KEY_PATH=$HOME/other.pem

# reason HOST: the text that every client must show.
reason() {
    case $1 in
    "$ECR") echo 'no token for AWS profile dev: the session has expired.*aws sso login --profile dev' ;;
    "$ACR") echo 'AADSTS|Entra|Azure' ;;
    "$GAR") echo 'Google rejected its credentials .invalid_grant.: check that neither its key nor the account' ;;
    "$GHCR") echo 'GitHub rejected its signature .HTTP 401.: check that the App' ;;
    esac
}

hosts=("$ECR" "$ACR" "$GAR" "$GHCR")
[ "$WIRING" = helpers ] || hosts=("$ECR")
! command -v podman >/dev/null || tar -cf - Dockerfile | pod import - local >"$SAID" 2>&1 || fail "an image for podman"
for host in "${hosts[@]}"; do
    image=$host/$APP:1
    reason=$(reason "$host")
    printf 'FROM %s\nCOPY Dockerfile /\n' "$image" >Dockerfile
    printf 'services:\n  one: {image: "%s"}\n' "$image" >compose.yaml
    refused "credmint token" "$reason" credmint token "$image"
    for engine in containerd classic; do
        export DOCKER_HOST=unix://$SANDBOX/$engine.sock
        refused "docker pull ($engine)" "$reason" docker pull "$image"
        refused "docker build ($engine)" "$reason" docker build --no-cache --pull .
        # The classic builder takes along what a store lists: it does not ask, and so is told nothing.
        [ "$WIRING" = store ] ||
            refused "the classic docker build ($engine)" "$reason" env DOCKER_BUILDKIT=0 docker build --no-cache --pull .
        docker pull "127.0.0.1:5001/$APP:1" >"$SAID" 2>&1 || fail "the back door"
        docker tag "127.0.0.1:5001/$APP:1" "$image"
        refused "docker push ($engine)" "$reason" docker push "$image"
        forget "$image"
    done
    export DOCKER_HOST=unix://$SANDBOX/containerd.sock
    while read -r -u 3 command; do
        if command -v "${command%% *}" >/dev/null; then
            read -ra words <<<"$command"
            refused "$command" "$reason" "${words[@]}"
        fi
    done 3<<END
docker manifest inspect $image
docker buildx imagetools inspect $image
docker compose pull
podman --cgroup-manager cgroupfs pull $image
podman --cgroup-manager cgroupfs push local $image
buildah pull $image
skopeo inspect docker://$image
skopeo list-tags docker://$host/$APP
skopeo copy docker://$image dir:copied
crane digest $image
crane copy 127.0.0.1:5001/$APP:1 $image
oras manifest fetch $image
oras repo tags $host/$APP
cosign tree $image
notation list $image
END
done
