# `docker login` and `logout`: a login takes precedence over minting until the logout.
# wirings: helpers store
wire "$ECR" "$ACR" "$GAR" "$GHCR"

# login HOST USER PASSWORD
login() {
    docker login --username "$2" --password-stdin "$1" <<<"$3"
}

# A registry with a password: stored in the keychain if credmint is the store.
if [ "$WIRING" = store ]; then
    for row in "$CORP corp secret" "$TOKENS hub sesame"; do
        read -r host user password <<<"$row"
        refused "pull from $host before the login" 'no basic auth|access denied' \
            docker pull "$host/$APP:1"
        refused "a wrong login at $host" 'unauthorized|incorrect' login "$host" "$user" wrong
        works "login at $host" login "$host" "$user" "$password"
        if grep -q "$password\|$(printf %s "$user:$password" | base64)" "$DOCKER_CONFIG/config.json"; then
            fail "the login lies in the open"
        fi
        works "pull from $host" docker pull "$host/$APP:1"
        docker tag "$host/$APP:1" "$host/$APP:2"
        works "push to $host" docker push "$host/$APP:2"
        forget "$host/$APP:1" "$host/$APP:2"
        says "status names the login" "${host%:*}" credmint status
        works "logout from $host" docker logout "$host"
        refused "pull from $host after the logout" 'no basic auth|access denied' \
            docker pull "$host/$APP:1"
    done
    works "credmint login at $CORP" credmint login --username corp --password-stdin "$CORP" <<<secret
    works "pull with it" docker pull "$CORP/$APP:1"
    forget "$CORP/$APP:1"
    works "credmint logout" credmint logout "$CORP"
    refused "pull after that" 'no basic auth|access denied' docker pull "$CORP/$APP:1"
fi

# A cloud registry: a pasted password is stored, and takes precedence over minting.
password=$(credmint token "$ECR")
works "login at $ECR" login "$ECR" AWS "$password"
works "pull by the login, without an identity" \
    env AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true docker pull "$ECR/$APP:1"
forget "$ECR/$APP:1"
refused "a wrong login at $ECR" 'unauthorized|not authorized|denied' login "$ECR" AWS wrong
works "logout from $ECR" docker logout "$ECR"
refused "pull after the logout, without an identity" 'no AWS credentials found' \
    env AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true docker pull "$ECR/$APP:1"
works "pull with an identity mints again" docker pull "$ECR/$APP:1"
forget "$ECR/$APP:1"
mints "$MINT_ECR" 2 "the token that was pasted and the one after the logout"

works "login at $GHCR" login "$GHCR" octocat ghp_pretendClassicToken0000000000000000
works "pull by it" env -u GITHUB_APP_ID -u GITHUB_APP_PRIVATE_KEY_PATH docker pull "$GHCR/$APP:1"
forget "$GHCR/$APP:1"
works "logout from $GHCR" docker logout "$GHCR"

# A token that the registry rejects as expired: a logout removes it.
works "pull from $GAR" docker pull "$GAR/$APP:1"
forget "$GAR/$APP:1"
ask end-tokens >/dev/null
refused "a token that the registry no longer takes" 'incorrect username or password|unauthorized|denied' \
    docker pull "$GAR/$APP:1"
works "docker logout forgets it" docker logout "$GAR"
works "pull from $GAR mints again" docker pull "$GAR/$APP:1"
forget "$GAR/$APP:1"
