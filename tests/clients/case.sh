# shellcheck shell=bash
# The functions of the cases: `run` starts this for each of them, as `case.sh FILE WIRING HOME`.
set -euo pipefail

# The user of a case: a home, and an identity of every cloud.
CLIENTS=$(dirname "${BASH_SOURCE[0]}")
export CLIENTS WIRING=$2 HOME=$3
export DOCKER_CONFIG=$HOME/.docker XDG_RUNTIME_DIR=$HOME/runtime
export AZURE_TENANT_ID=11111111-aaaa-bbbb-cccc-222222222222 AZURE_CLIENT_ID=app AZURE_CLIENT_SECRET=secret-of-app
export GOOGLE_APPLICATION_CREDENTIALS=$SANDBOX/clouds/google-key.json
export GITHUB_APP_ID=123456 GITHUB_APP_PRIVATE_KEY_PATH=$SANDBOX/clouds/app.pem
# Offline: no updates, no telemetry, no prompts.
export BUILDX_METADATA_PROVENANCE=disabled COSIGN_PASSWORD='' COSIGN_YES=true DOCKER_CLI_HINTS=false
SAID=$HOME/said

move_in() {
    mkdir -p "$DOCKER_CONFIG/cli-plugins" "$HOME/.aws" "$HOME/.config/credmint" "$HOME/work"
    mkdir -m 700 "$XDG_RUNTIME_DIR"
    ln -s "$SANDBOX"/plugins/* "$DOCKER_CONFIG/cli-plugins/"
    printf '[%s]\naws_access_key_id = %s\naws_secret_access_key = secret\n' \
        default AKIADEFAULT00000000 other AKIAOTHER0000000000 >"$HOME/.aws/credentials"
    # The kernel's keyring is not private to a sandbox.
    cat >"$HOME/.config/credmint/config.toml" <<'END'
vault = "file"

[[registry]]
match = "210987654321.dkr.ecr.*"
profile = "other"
END
    cd "$HOME/work"
    ask calls >"$HOME/calls-before"
}

# wire HOST...: configures Docker's helpers, in the way of this run.
wire() {
    case $WIRING in
    helpers) credmint configure --yes "$@" ;;
    store) credmint configure --yes --store ;;
    esac >"$SAID" 2>&1 || fail "credmint configure"
}

# works WHAT COMMAND...
works() {
    local what=$1
    shift
    "$@" >"$SAID" 2>&1 || fail "$what: $*"
    echo "ok: $what"
}

# says WHAT PATTERN COMMAND...: it succeeds, and its output matches PATTERN.
says() {
    local what=$1 pattern=$2
    shift 2
    "$@" >"$SAID" 2>&1 || fail "$what: $*"
    grep -qE -- "$pattern" "$SAID" || fail "$what: it does not say $pattern"
    echo "ok: $what"
}

# refused WHAT PATTERN COMMAND...: it fails, and its output matches PATTERN.
refused() {
    local what=$1 pattern=$2
    shift 2
    if "$@" >"$SAID" 2>&1; then fail "$what: it was not refused"; fi
    grep -qiE -- "$pattern" "$SAID" || fail "$what: it does not say $pattern"
    echo "ok: $what: $(grep -iE -m 1 -- "$pattern" "$SAID" | cut -c 1-240)"
}

# same WHAT ONE OTHER
same() {
    if [ -z "$2" ] || [ "$2" != "$3" ]; then fail "$1: $2 is not $3"; fi
    echo "ok: $1"
}

fail() {
    echo "failed: $*"
    [ ! -s "$SAID" ] || sed 's/^/  | /' "$SAID"
    exit 1
}

# need TOOL...: without it, the case is skipped. `docker-buildx` and the like are plugins.
need() {
    local tool
    for tool in "$@"; do
        command -v "$tool" >/dev/null || [ -e "$SANDBOX/plugins/$tool" ] || { echo "skipped: there is no $tool"; exit 77; }
    done
}

# ask PATH: calls the control API of the pretend clouds.
ask() {
    exec 8<>/dev/tcp/127.0.0.1/8800
    printf 'GET /%s HTTP/1.0\r\n\r\n' "$1" >&8
    sed '1,/^\r$/d' <&8
    exec 8>&-
}

# mints CALL COUNT WHAT: there were COUNT calls of this kind since the case began.
mints() {
    local count
    count=$(ask calls | jq --slurpfile before "$HOME/calls-before" ".[\"$1\"] - (\$before[0][\"$1\"] // 0)")
    [ "$count" = "$2" ] || fail "$3: $count calls of $1 instead of $2"
    echo "ok: $3: $2 in all"
}

# The calls that mint a token of each cloud.
export MINT_ECR=aws.EcrToken MINT_PUBLIC=aws.EcrPublicToken MINT_ACR=azure.Exchange
export MINT_GAR=google.Token MINT_GHCR=github.InstallationToken

# guide IMAGE ID [ARGUMENT...]: the command that `credmint guide` prints under this id.
guide() {
    local image=$1 id=$2
    shift 2
    credmint guide "$image" --system linux --json "$@" |
        jq --exit-status --raw-output ".[].commands[] | select(.id == \"$id\").run" || fail "the guide has no $id"
}

# guided IMAGE ID [SED]: runs that command as it is pasted, optionally edited. Its variables
# stay set, as in a user's shell.
guided() {
    local run
    run=$(guide "$1" "$2" "${GUIDE_ARGUMENTS[@]}" | sed "${3:-}")
    echo "\$ $run" >"$SAID"
    eval "$run" >>"$SAID" 2>&1 || fail "guide $2"
    echo "ok: guide $2: $(tr '\n' ' ' <<<"$run" | cut -c 1-150)"
}
GUIDE_ARGUMENTS=()

# forget IMAGE...: from the engine, so that the next pull contacts the registry.
forget() {
    docker image rm --force "$@" >/dev/null 2>&1 || true
}

# digest_of IMAGE: the digest that `docker pull` or crane would pull.
digest_of() {
    crane digest "$1"
}

move_in
# shellcheck source=/dev/null
. "$1"
