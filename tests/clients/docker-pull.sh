#!/usr/bin/env bash
# Pulls, pushes, builds and logs in with a real Docker engine and other real clients through
# docker-credential-ecr, from a real registry that lets only minted tokens through.
#
# usage: docker-pull.sh [PROGRAMS]    the folder with docker-credential-ecr; else $CREDMINT_PROGRAMS
# Ends with 0 (passed), 77 (skipped: the last line says why) or anything else (failed).
set -euo pipefail

# shellcheck source=SCRIPTDIR/room.sh
. "$(dirname "${BASH_SOURCE[0]}")/room.sh"
if [ "${1:-}" != --inside ]; then
    enter "${BASH_SOURCE[0]}" "${1:-${CREDMINT_PROGRAMS:?the folder with docker-credential-ecr}}"
fi

# works WHAT COMMAND...
works() {
    local what=$1
    shift
    "$@" >"$ROOM/said" 2>&1 || fail "$what"
    echo "ok: $what"
}

# refused WHAT REASON COMMAND...: COMMAND fails, and what it says holds REASON.
refused() {
    local what=$1 reason=$2
    shift 2
    if "$@" >"$ROOM/said" 2>&1; then fail "$what: it was not refused"; fi
    grep -qiE "$reason" "$ROOM/said" || fail "$what: it does not say why"
    echo "ok: $what: $(tail -n 1 "$ROOM/said" | cut -c 1-200)"
}

# mints N WHAT: so many tokens were minted since the script began.
mints() {
    local count
    count=$(calls EcrToken)
    [ "$count" = "$1" ] || fail "$2: $count mints instead of $1"
    echo "ok: $2: $1 in all"
}

remove() {
    docker image rm --force "$@" >/dev/null
}

# One image, put into the registry through its back door.
stock() {
    echo 'a file of the private image' >"$ROOM/file.txt"
    tar -C "$ROOM" -cf - file.txt | docker import - 127.0.0.1:5000/app:1 >/dev/null
    works "the registry is stocked" docker push --quiet 127.0.0.1:5000/app:1
    remove 127.0.0.1:5000/app:1
}

pull_twice() {
    works "docker pull" docker pull "$ECR/app:1"
    mints 1 "the first pull mints"
    ask minted | grep '"access_key":"ASIAIMDS' >/dev/null || fail "the identity is not the instance's"
    remove "$ECR/app:1"
    works "docker pull once more" docker pull "$ECR/app:1"
    mints 1 "the second pull mints nothing"
}

push_and_build() {
    docker tag "$ECR/app:1" "$ECR/app:2"
    works "docker push" docker push "$ECR/app:2"
    remove "$ECR/app:1" "$ECR/app:2"
    mkdir "$ROOM/build"
    printf 'FROM %s/app:1\nCOPY Dockerfile /\n' "$ECR" >"$ROOM/build/Dockerfile"
    works "docker build (classic) from a private image" \
        env DOCKER_BUILDKIT=0 docker build --pull --tag built "$ROOM/build"
    remove built "$ECR/app:1"
    if have BuildKit env DOCKER_BUILDKIT=1 docker build --help; then
        works "docker build (BuildKit) from a private image" \
            env DOCKER_BUILDKIT=1 docker build --pull --tag built "$ROOM/build"
        remove built
    fi
    mints 1 "push and build mint nothing"
}

login_and_logout() {
    # An image that is there would be taken without asking the registry.
    docker image rm --force "$ECR/app:1" >/dev/null 2>&1 || true
    helped "$ECR" | sed 's/.*"Secret":"\([^"]*\)".*/\1/' >"$ROOM/password"
    works "docker login" login "$ROOM/password"
    works "the helper lists the login" lists "$ECR"
    works "a pull by the login, without an identity" without_identity docker pull "$ECR/app:1"
    remove "$ECR/app:1"
    echo wrong >"$ROOM/wrong"
    refused "a wrong login" 'unauthorized|denied|not authorized' login "$ROOM/wrong"
    works "docker logout" docker logout "$ECR"
    refused "a pull after the logout, without an identity" 'credential|identity' \
        without_identity docker pull "$ECR/app:1"
    mints 1 "login and logout mint nothing"
}

login() {
    docker login --username AWS --password-stdin "$ECR" <"$1"
}

lists() {
    docker-credential-ecr list </dev/null | grep --fixed-strings "\"$1\""
}

refusals() {
    refused "a wrong identity, by the helper" 'does not know the access key' as_nobody helped "$ECR"
    # `docker pull` drops what a helper says on its standard output and goes on without a login: the
    # person reads the reason because the helper says it on standard error too.
    refused "a wrong identity, by docker pull" 'does not know the access key' as_nobody docker pull "$ECR/app:1"
    works "docker pull mints anew after the logout" docker pull "$ECR/app:1"
    remove "$ECR/app:1"
    ask end-tokens >/dev/null
    refused "a token that the registry holds for expired" 'expired|denied|unauthorized' docker pull "$ECR/app:1"
    works "docker logout forgets it" docker logout "$ECR"
    works "docker pull mints anew" docker pull "$ECR/app:1"
    remove "$ECR/app:1"
}

public() {
    local before
    # The classic build asked for every registry in the configuration, so a token is kept by now.
    works "docker logout of $PUBLIC" docker logout "$PUBLIC"
    before=$(calls EcrPublicToken)
    works "a pull from $PUBLIC without an identity" without_identity docker pull "$PUBLIC/app:1"
    [ "$(calls EcrPublicToken)" = "$before" ] || fail "a pull without an identity asked for a token"
    remove "$PUBLIC/app:1"
    works "a pull from $PUBLIC with an identity" docker pull "$PUBLIC/app:1"
    [ "$(calls EcrPublicToken)" = "$((before + 1))" ] || fail "a pull with an identity asked for no token"
}

# What the helper answers for a registry.
helped() {
    printf %s "$1" | docker-credential-ecr get
}

# A session that AWS has not given out. (A function: `env` cannot run functions.)
as_nobody() (
    export AWS_ACCESS_KEY_ID=ASIANOBODY0000000000 AWS_SECRET_ACCESS_KEY=x AWS_SESSION_TOKEN=x
    "$@"
)

without_identity() (
    export AWS_EC2_METADATA_DISABLED=true
    "$@"
)

# The clients that know Docker's helpers by themselves.
others() {
    local before config="$DOCKER_CONFIG/config.json"
    before=$(calls EcrToken)
    if have skopeo skopeo --version; then
        works "skopeo copy" \
            skopeo copy --insecure-policy --authfile "$config" "docker://$ECR/app:1" "dir:$ROOM/skopeo"
    fi
    if have crane crane version; then
        works "crane pull" crane pull "$ECR/app:1" "$ROOM/crane.tar"
        works "crane tag" crane tag "$ECR/app:1" 3
    fi
    if have oras oras version; then
        works "oras manifest fetch" oras manifest fetch --output "$ROOM/oras.json" "$ECR/app:1"
    fi
    if have podman podman --version; then
        works "podman pull" podman --root "$ROOM/podman/data" --runroot "$ROOM/podman/run" --storage-driver vfs \
            pull --authfile "$config" "$ECR/app:1"
    fi
    [ "$(calls EcrToken)" = "$before" ] || fail "another client minted although a token is kept"
}

furnish
open_docker
stock
pull_twice
push_and_build
login_and_logout
refusals
public
others
echo passed
