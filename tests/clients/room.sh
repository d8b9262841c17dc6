# shellcheck shell=bash
# A private room for real clients: sourced by the scripts beside it, in bash, as root.
#
# In it the names of AWS lead to the pretend AWS over TLS at their own ports, 169.254.169.254 is its
# metadata service, and the system trusts the test authority. Network, mounts and processes are the
# room's own: nothing outside is touched, and everything in it ends with the script.

ACCOUNT=123456789012
ECR=$ACCOUNT.dkr.ecr.us-east-1.amazonaws.com
PUBLIC=public.ecr.aws
AWS_HOSTS=api.ecr.us-east-1.amazonaws.com,sts.us-east-1.amazonaws.com,sts.amazonaws.com,api.ecr-public.us-east-1.amazonaws.com
# Not in 127.0.0.0/8: there, the Docker engine asks neither for TLS nor for a good certificate.
AWS_AT=192.0.2.2
REGISTRY_AT=192.0.2.3

# Ends the script aloud because something is missing; with CREDMINT_TESTS=all that is a failure.
skip() {
    if [ "${CREDMINT_TESTS:-}" = all ]; then
        echo "failed: $* (and CREDMINT_TESTS=all wants everything)"
        exit 1
    fi
    echo "skipped: $*"
    exit 77
}

# have TOOL COMMAND...: whether the tool is there, which COMMAND tells; says so if it is not.
have() {
    local tool=$1
    shift
    "$@" >/dev/null 2>&1 && return
    [ "${CREDMINT_TESTS:-}" != all ] || skip "there is no $tool"
    echo "not tried: there is no $tool"
    return 1
}

fail() {
    echo "failed: $*"
    [ ! -s "$ROOM/said" ] || sed 's/^/  | /' "$ROOM/said"
    exit 1
}

# enter SCRIPT PROGRAMS: runs SCRIPT once more, inside.
enter() {
    [ "$(id -u)" = 0 ] || skip "a network namespace with hosts of its own needs root"
    local tool
    for tool in unshare ip dockerd docker docker-registry; do
        command -v "$tool" >/dev/null || skip "there is no $tool"
    done
    unshare --net --mount --pid true 2>/dev/null || skip "this kernel or container allows no namespaces"
    local programs=$2 server=${PRETEND_AWS:-$2/pretend-aws}
    [ -x "$programs/docker-credential-ecr" ] || fail "there is no docker-credential-ecr in $programs"
    if [ ! -x "$server" ]; then
        cargo build --quiet --package pretend-cloud --bin pretend-aws
        server=${CARGO_TARGET_DIR:-target}/debug/pretend-aws
    fi
    ROOM=$(mktemp -d)
    trap 'rm -rf "$ROOM"' EXIT
    mkdir "$ROOM/programs"
    cp "$programs/docker-credential-ecr" "$server" "$ROOM/programs/"
    local status=0
    env -i PATH="$ROOM/programs:$PATH" ROOM="$ROOM" HOME="$ROOM/home" CREDMINT_TESTS="${CREDMINT_TESTS:-}" \
        unshare --net --mount --pid --fork --kill-child --mount-proc --propagation private \
        bash "$1" --inside || status=$?
    exit "$status"
}

# Inside: names, trust, the pretend AWS, the registry behind its door, and a user of Docker.
furnish() {
    ip link set lo up
    local address
    for address in 169.254.169.254 "$AWS_AT" "$REGISTRY_AT"; do
        ip address add "$address/32" dev lo
    done
    # /run would show the clients the sockets of real daemons.
    mount -t tmpfs room /run
    export HOME="$ROOM/home" DOCKER_CONFIG="$ROOM/home/.docker" XDG_RUNTIME_DIR="$ROOM/runtime"
    mkdir -p "$DOCKER_CONFIG" "$ROOM/home/.config/credmint" "$ROOM/registry"
    mkdir -m 700 "$XDG_RUNTIME_DIR"
    local helper='"ecr"'
    printf '{"credHelpers":{"%s":%s,"%s":%s}}\n' "$ECR" "$helper" "$PUBLIC" "$helper" >"$DOCKER_CONFIG/config.json"
    # The kernel's keyring has no room of its own.
    echo 'vault = "file"' >"$ROOM/home/.config/credmint/config.toml"
    {
        echo 127.0.0.1 localhost
        echo "$AWS_AT ${AWS_HOSTS//,/ }"
        echo "$REGISTRY_AT $ECR $PUBLIC"
    } >"$ROOM/hosts"
    mount --bind "$ROOM/hosts" /etc/hosts
    open_registry
    open_aws
    trust
}

open_registry() {
    printf 'version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: "127.0.0.1:5000"}\n' \
        "$ROOM/registry" >"$ROOM/registry.yml"
    docker-registry serve "$ROOM/registry.yml" >"$ROOM/registry.log" 2>&1 &
    await "the registry" listening 127.0.0.1 5000
}

open_aws() {
    # Its standard input is a pipe that this shell holds open.
    exec 9> >(exec pretend-aws --ca "$ROOM/ca" --upstream 127.0.0.1:5000 \
        --http 127.0.0.1:8800 --http 169.254.169.254:80 --tls "$AWS_AT:443" "$AWS_HOSTS" \
        --registry-tls "$REGISTRY_AT:443" "$ECR,$PUBLIC" >"$ROOM/aws.log" 2>&1)
    await "the pretend AWS" grep -q ready "$ROOM/aws.log"
}

# Everything that is on the machine trusts one of these.
trust() {
    local bundle found=
    for bundle in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
        [ -e "$bundle" ] || continue
        mount --bind "$ROOM/ca/ca.pem" "$(realpath "$bundle")"
        found=yes
    done
    [ -n "$found" ] || skip "there is no bundle of certificates whose place the test's can take"
}

open_docker() {
    export DOCKER_HOST="unix://$ROOM/docker.sock"
    dockerd --host "$DOCKER_HOST" --data-root "$ROOM/docker/data" --exec-root "$ROOM/docker/exec" \
        --pidfile "$ROOM/docker.pid" --storage-driver vfs --bridge none --iptables=false --ip6tables=false \
        >"$ROOM/docker.log" 2>&1 &
    await "the Docker engine" docker version
}

# await WHAT COMMAND...: until COMMAND succeeds, at most 20 s.
await() {
    local what=$1 turn
    shift
    for ((turn = 0; turn < 200; turn++)); do
        "$@" >"$ROOM/said" 2>&1 && return
        sleep 0.1
    done
    cat "$ROOM"/*.log
    fail "$what does not start"
}

listening() {
    (: <"/dev/tcp/$1/$2") 2>/dev/null
}

# Asks the pretend AWS over the script's own entrance.
ask() {
    exec 8<>/dev/tcp/127.0.0.1/8800
    printf 'GET /__pretend/%s HTTP/1.0\r\n\r\n' "$1" >&8
    cat <&8
    exec 8>&-
}

# calls NAME: how often.
calls() {
    ask calls | sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p"
}
