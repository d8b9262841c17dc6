# shellcheck shell=bash
# One image's way in a cloud's registry, by the commands that the guide prints: for the cases that source this.

export PATH=$SANDBOX/vendors:$PATH
export REQUESTS_CA_BUNDLE=$SANDBOX/clouds/ca.pem CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE=$SANDBOX/clouds/ca.pem
export AZURE_CONFIG_DIR=$HOME/.azure AZURE_CORE_COLLECT_TELEMETRY=0 CLOUDSDK_CORE_DISABLE_PROMPTS=1
export GH_NO_UPDATE_NOTIFIER=1 GH_PROMPT_DISABLED=1
# A tag of its own for each build, and two platforms.
printf 'FROM scratch\nCOPY Dockerfile number.txt /\n' >Dockerfile

# commits NUMBER: a source that differs from all before.
commits() {
    git init --quiet . 2>/dev/null
    echo "$1" >number.txt
    git -c user.name=case -c user.email=case@example commit --quiet --allow-empty --message "$1"
}

# pushed IMAGE: a version with its commit, and an environment; three more commits, whose images have no other name.
pushed() {
    local image=$1 name=${1%:*} number
    for number in 1 2 3; do
        commits "$number"
        docker buildx build --quiet --provenance=false --platform linux/amd64,linux/arm64 --push \
            --tag "$name:sha-$(git rev-parse --short=12 HEAD)" . >"$SAID" 2>&1 || fail "build $number"
    done
    commits 4
    guided "$image" tags.versions
    guided "$image" build.multi-platform
    guided "$image" tags.promote
    guided "$image" tags.promote-with-docker
    guided "$image" tags.environment
}

# kept IMAGE TAG...: these tags alone are left of it, and every platform of each is whole.
kept() {
    local name=${1%:*} tag platform platforms
    shift
    same "what is left" "$(crane ls --omit-digest-tags "$name" | LC_ALL=C sort | tr '\n' ' ')" "$(printf '%s\n' "$@" | LC_ALL=C sort | tr '\n' ' ')"
    for tag in "$@"; do
        # What a build attaches is no image: its platform is unknown.
        platforms=$(crane manifest "$name:$tag" | jq --raw-output '.manifests[]? | select(.platform.os != "unknown") | .platform | .os + "/" + .architecture')
        [ -n "$platforms" ] || works "$tag is whole" crane validate --remote "$name:$tag"
        for platform in $platforms; do
            works "$tag is whole for $platform" crane validate --platform "$platform" --remote "$name:$tag"
        done
    done
}

# signed IMAGE
signed() {
    guided "$1" sign.key-pair
    guided "$1" sign.digest
    guided "$1" sign.key
    guided "$1" sign.verify-key
}

# made FILTER: what jq finds of what the clouds' own APIs were told to make.
made() {
    ask made | jq --exit-status "$1" >"$SAID" 2>&1 || { ask made >"$SAID"; fail "not made: $1"; }
    echo "ok: made: $1"
}
