# Without any identity: public images can be pulled, and private ones fail with the reason.
# wirings: helpers store
unset AZURE_TENANT_ID AZURE_CLIENT_ID AZURE_CLIENT_SECRET GOOGLE_APPLICATION_CREDENTIALS GITHUB_APP_ID GITHUB_APP_PRIVATE_KEY_PATH
rm "$HOME/.aws/credentials"
export AWS_EC2_METADATA_DISABLED=true
wire "$ECR" "$PUBLIC" "$ACR" "$GAR" "$GHCR"
. "$CLIENTS/containers.sh"
[ "$WIRING" = helpers ] || credmint configure --yes --podman "$ECR" "$PUBLIC" "$ACR" "$GAR" "$GHCR" >"$SAID" 2>&1
for host in "$PUBLIC" "$GAR" "$GHCR"; do
    for engine in containerd classic; do
        works "docker pull from $host ($engine)" env DOCKER_HOST="unix://$SANDBOX/$engine.sock" docker pull "$host/$OPEN:1"
        DOCKER_HOST="unix://$SANDBOX/$engine.sock" forget "$host/$OPEN:1"
    done
    printf 'FROM %s/%s:1\n' "$host" "$OPEN" >Dockerfile
    works "docker build from $host" docker build --pull --no-cache .
    for tool in "crane digest" "oras manifest fetch" "skopeo inspect docker://"; do
        if command -v "${tool%% *}" >/dev/null; then
            words=$tool\ ; words=${words/\/\/ /\/\/}
            works "${tool%% *} from $host" eval "$words$host/$OPEN:1"
        fi
    done
done
for host in "$GAR" "$GHCR"; do
    refused "a private image at $host" 'denied|authentication|unauthorized' docker pull "$host/$APP:1"
done
refused "a private image at $ACR" 'no Azure credentials found' docker pull "$ACR/$APP:1"
refused "a private image at $ECR" 'no AWS credentials found' docker pull "$ECR/$APP:1"
