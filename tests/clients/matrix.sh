# shellcheck shell=bash
# The matrix: one client at each kind of registry, in each state of its user. Sourced by the files of
# `matrix`; each is a client. Such a file begins with the client's name for the
# table, defines how the client pulls an image, in `pull IMAGE`, or in `pulls IMAGE...` if it pulls several
# in one process, declares its known faults, and ends with `matrix`.
#
# A cell is right if all of this is so, with credmint as its only source of credentials:
#   anonymous  no identity, no login: public images are pulled, and private ones are not
#   cold       an identity and an empty cache, or a stored login: pulled, with one mint for each cloud
#   cached     the same again: pulled, and nothing is minted
#   expired    an expired token: pulled, with one mint for each cloud. A stored login that the registry
#              rejects: not pulled; with the next stored one, pulled
#   broken     another registry of the same configuration has a cloud that rejects the sign-in: pulled
shopt -s extglob

ROW=$(sed -n '1s/^# //p' "$1")
STATES=(anonymous cold cached expired broken)
REGISTRIES=(ECR ACR GAR GHCR Hub own)
declare -A IMAGE=([ECR]=$ECR/$APP:1 [ACR]=$ACR/$APP:1 [GAR]=$GAR/$APP:1 [GHCR]=$GHCR/$APP:1 [Hub]=$HUB/$APP:1 [own]=$CORP/$APP:1)
declare -A PUBLIC_IMAGE=([ECR]=$PUBLIC/$OPEN:1 [GAR]=$GAR/$OPEN:1 [GHCR]=$GHCR/$OPEN:1 [Hub]=$HUB/$OPEN:1)
declare -A MINT=([ECR]=$MINT_ECR [ACR]=$MINT_ACR [GAR]=$MINT_GAR [GHCR]=$MINT_GHCR)
# The failures of cells, by STATE/REGISTRY; the known faults of a client, as REASON PATTERN.
declare -A WRONG
FAULTS=()

# fault REASON PATTERN: the cells WIRING/STATE/REGISTRY that match are wrong because of the client;
# REASON begins a line of `matrix/faults`. The test fails once the client no longer has the fault.
fault() {
    grep -q "^$1: " "$CLIENTS/matrix/faults" || fail "matrix/faults has no $1"
    FAULTS+=("$1 $2")
}

# brought FILE: the path of what `matrix/set-up` installs; without it, the client is skipped.
brought() {
    BROUGHT=$(realpath "$CLIENTS/../..")/target/clients
    [ -e "$BROUGHT/$1" ] || { echo "skipped: there is no $1; tests/clients/matrix/set-up brings it"; exit 77; }
}

# pulls IMAGE...: prints `got IMAGE` for each that is pulled.
pulls() {
    local image
    for image in "$@"; do
        (pull "$image" >"$HOME/said-${image//[^a-z0-9]/-}" 2>&1 && echo "got $image") &
    done
    wait
}

# engine_pulls COMMAND... -- IMAGE...: lets COMMAND pull these by the engine, and prints which exist then:
# some libraries treat an error in the engine's response as its end.
engine_pulls() {
    local command=() image
    while [ "$1" != -- ]; do
        command+=("$1")
        shift
    done
    shift
    forget "$@"
    "${command[@]}" >&2 || true
    for image in "$@"; do
        ! docker image inspect "$image" >/dev/null 2>&1 || echo "got $image"
    done
}

# direct_engine: an engine that uses Docker Hub itself, not the mirror, which signs in with its own login.
direct_engine() {
    export DOCKER_HOST=unix://$SANDBOX/direct.sock
    (
        # shellcheck source=/dev/null
        . "$CLIENTS/sandbox.sh"
        # shellcheck source=/dev/null
        . "$CLIENTS/services.sh"
        [ -e "$SANDBOX/direct.json" ] || open_engine direct "$CONTAINERD_STORE, \"bridge\": \"none\""
        await "the engine (direct)" docker version
    ) || fail "there is no engine"
}

# served AS IMAGE...: lets the client pull them as the user that AS sets up; then use `got IMAGE`.
served() {
    local as=$1
    shift
    rm -f "$HOME"/said-*
    ("$as" && pulls "$@") >"$HOME/got" 2>"$HOME/said-all" || true
}

got() {
    grep -qxF "got $1" "$HOME/got"
}

# wrong STATE REGISTRY WHAT: records a failure, with the client's output for this registry, or else for all.
wrong() {
    local image=${IMAGE[$2]}
    [ -z "${WRONG[$1/$2]:-}" ] || return 0
    WRONG[$1/$2]=$3
    tail -n 3 "$HOME/said-${image//[^a-z0-9]/-}" >"$HOME/wrong-$1-$2" 2>/dev/null ||
        grep -F "${image%%/*}" "$HOME/said-all" >"$HOME/wrong-$1-$2" ||
        head -n 5 "$HOME/said-all" >"$HOME/wrong-$1-$2"
}

as_anonymous() {
    unset AZURE_TENANT_ID AZURE_CLIENT_ID AZURE_CLIENT_SECRET GOOGLE_APPLICATION_CREDENTIALS
    unset GITHUB_APP_ID GITHUB_APP_PRIVATE_KEY_PATH
    export AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true
}

as_user() {
    :
}

without_azure() {
    export AZURE_CLIENT_SECRET=changed
}

# An expired session of single sign-on.
without_aws() {
    export AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_CONFIG_FILE=$HOME/sso AWS_PROFILE=dev
}

expired_sso() {
    mkdir -p "$HOME/.aws/sso/cache"
    printf '{"accessToken": "x", "expiresAt": "2001-01-01T00:00:00Z", "region": "us-east-1", "startUrl": "https://corp.example/start"}\n' \
        >"$HOME/.aws/sso/cache/$(printf corp | sha1sum | cut -c 1-40).json"
    cat >"$HOME/sso" <<'END'
[profile dev]
sso_session = corp
sso_account_id = 123456789012
sso_role_name = pull
[sso-session corp]
sso_region = us-east-1
sso_start_url = https://corp.example/start
END
}

# logins HUB'S OWN'S: stores these passwords.
logins() {
    printf '{"ServerURL": "https://index.docker.io/v1/", "Username": "dockerhub", "Secret": "%s"}' "$1" |
        docker-credential-credmint store 2>"$SAID"
    printf '{"ServerURL": "%s", "Username": "corp", "Secret": "%s"}' "$CORP" "$2" |
        docker-credential-credmint store 2>"$SAID"
}

# minted STATE COUNT: since calls-before was written, each cloud has minted COUNT times.
minted() {
    local registry count
    ask calls >"$HOME/calls-now"
    for registry in "${!MINT[@]}"; do
        count=$(jq --slurpfile before "$HOME/calls-before" "(.[\"${MINT[$registry]}\"] // 0) - (\$before[0][\"${MINT[$registry]}\"] // 0)" "$HOME/calls-now")
        [ "$count" = "$2" ] || wrong "$1" "$registry" "$count mints instead of $2"
    done
}

# all_served STATE MINTS: by every registry, and each cloud has minted COUNT times.
all_served() {
    local registry
    ask calls >"$HOME/calls-before"
    served as_user "${IMAGE[@]}"
    for registry in "${REGISTRIES[@]}"; do
        got "${IMAGE[$registry]}" || wrong "$1" "$registry" "not served"
    done
    minted "$1" "$2"
}

anonymous() {
    local registry
    served as_anonymous "${PUBLIC_IMAGE[@]}" "${IMAGE[@]}"
    for registry in "${REGISTRIES[@]}"; do
        ! got "${IMAGE[$registry]}" || wrong anonymous "$registry" "what is private was served"
    done
    for registry in "${!PUBLIC_IMAGE[@]}"; do
        got "${PUBLIC_IMAGE[$registry]}" || wrong anonymous "$registry" "what is public was not served"
    done
}

cold() {
    logins dckr_pat secret
    all_served cold 1
}

cached() {
    all_served cached 0
}

# Expires the cached tokens: a token is a file with a line of JSON before the secret.
end_tokens() {
    local token
    for token in "$XDG_RUNTIME_DIR"/credmint/tokens/*; do
        { head -n 1 "$token" | jq --compact-output '.expires = (now | floor) - 1' && tail -n +2 "$token"; } >"$HOME/ended"
        cp "$HOME/ended" "$token"
    done
}

expired() {
    local registry
    credmint cache warm "$ECR" "$ACR" "$GAR" "$GHCR" >"$SAID" 2>&1 || fail "there are no tokens to end"
    ask end-tokens >/dev/null
    end_tokens
    logins wrong wrong
    ask calls >"$HOME/calls-before"
    served as_user "${IMAGE[@]}"
    for registry in "${!MINT[@]}"; do
        got "${IMAGE[$registry]}" || wrong expired "$registry" "not served"
    done
    for registry in Hub own; do
        ! got "${IMAGE[$registry]}" || wrong expired "$registry" "a wrong login was served"
    done
    minted expired 1
    logins dckr_pat secret
    served as_user "${IMAGE[Hub]}" "${IMAGE[own]}"
    for registry in Hub own; do
        got "${IMAGE[$registry]}" || wrong expired "$registry" "not served by the next login"
    done
}

broken() {
    local registry
    served without_azure "${IMAGE[ECR]}" "${IMAGE[GAR]}" "${IMAGE[GHCR]}" "${IMAGE[Hub]}" "${IMAGE[own]}"
    for registry in ECR GAR GHCR Hub own; do
        got "${IMAGE[$registry]}" || wrong broken "$registry" "not served"
    done
    served without_aws "${IMAGE[ACR]}"
    got "${IMAGE[ACR]}" || wrong broken ACR "not served"
}

# Configures the client for credmint, in the way of this run: by the registries' names, by a
# store, by a store and empty entries such as `docker login` leaves.
wire_all() {
    local hosts=("$ECR" "$PUBLIC" "$ACR" "$GAR" "$GHCR" "$HUB" "$CORP")
    case $WIRING in
    helpers) credmint configure --yes "${hosts[@]}" ;;
    store) credmint configure --yes --store ;;
    entries) credmint configure --yes --store "${hosts[@]}" ;;
    esac >"$SAID" 2>&1 || fail "credmint configure"
}

# reason_for CELL: the known fault of the client there.
reason_for() {
    local entry
    for entry in "${FAULTS[@]}"; do
        # shellcheck disable=SC2053 # It is a pattern.
        if [[ $1 == ${entry#* } ]]; then echo "${entry%% *}"; fi
    done | head -n 1
}

# Checks every cell of this wiring, and prints the results.
matrix() {
    local state registry wrong reason failures=0
    wire_all
    expired_sso
    for state in "${STATES[@]}"; do "$state"; done
    for state in "${STATES[@]}"; do
        for registry in "${REGISTRIES[@]}"; do
            reason=$(reason_for "$WIRING/$state/$registry")
            wrong=${WRONG[$state/$registry]:-}
            if [ -n "$wrong" ] && [ -z "$reason" ]; then
                echo "failed: $state, $registry: $wrong"
                head -n 6 "$HOME/wrong-$state-$registry" | cut -c 1-400 | sed 's/^/  | /'
                failures=1
            elif [ -z "$wrong" ] && [ -n "$reason" ]; then
                echo "failed: $state, $registry: right by now, and not the fault $reason"
                failures=1
            else
                echo "cell: $ROW|$WIRING|$state|$registry|${reason:-ok}"
            fi
        done
    done
    exit $failures
}
