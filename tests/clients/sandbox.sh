# shellcheck shell=bash
# A sandbox for real clients: sourced by `run`, in bash, as root.
#
# In it the clouds' host names resolve to pretend clouds (TLS, port 443), 169.254.169.254 is
# a metadata service, and the system trusts the test CA. It has its own network, mount and PID
# namespaces: nothing outside is changed, and everything in it ends with the script.

# The programs that tests/peers installs in a newer release for the cases. Its other programs,
# such as other helpers, are not in the sandbox.
NEWER=(docker dockerd containerd containerd-shim-runc-v2 ctr docker-init docker-proxy crane oras cosign notation)
PLUGINS=(docker-buildx docker-compose)
# Vendors' programs, for the cases that add them to PATH.
VENDORS=(reference/azure/bin/az peers/usr/bin/gh peers/usr/bin/glab)

# Exits because something is missing that all cases need.
skip() {
    echo "the clients cannot be run: $*"
    exit 77
}

fail() {
    echo "failed: $*"
    [ ! -s "${SANDBOX:-/nowhere}/said" ] || sed 's/^/  | /' "$SANDBOX/said"
    exit 1
}

# bring_clouds PROGRAMS: finds the pretend clouds, or builds them.
bring_clouds() {
    PRETEND_CLOUDS=${PRETEND_CLOUDS:-$1/pretend-clouds}
    [ ! -x "$PRETEND_CLOUDS" ] || return 0
    (cd "$CLIENTS/../.." && cargo test --quiet --workspace --test pretend_clouds --no-run)
    PRETEND_CLOUDS=${CARGO_TARGET_DIR:-$CLIENTS/../../target}/debug/pretend-clouds
}

# enter SCRIPT PROGRAMS ARGUMENT...: runs SCRIPT once more, inside.
enter() {
    local script=$1 programs=$2 tool
    shift 2
    [ "$(id -u)" = 0 ] || skip "a network namespace with hosts of its own needs root"
    [ -x "$programs/docker-credential-ecr" ] || fail "there is no docker-credential-ecr in $programs"
    SANDBOX=$(mktemp -d)
    trap 'rm -rf "$SANDBOX"' EXIT
    mkdir "$SANDBOX/programs" "$SANDBOX/clients" "$SANDBOX/plugins" "$SANDBOX/vendors"
    cp "$programs"/docker-credential-* "$programs/credmint" "$programs/credmint-mint" "$PRETEND_CLOUDS" "$SANDBOX/programs/"
    rm -f "$SANDBOX"/programs/*.d
    newer_clients "$(cd "$CLIENTS/../.." && pwd)/target/peers/usr"
    local path=$SANDBOX/programs:$SANDBOX/clients:$PATH
    for tool in unshare ip jq dockerd docker docker-registry htpasswd runc busybox git; do
        PATH=$path command -v "$tool" >/dev/null || skip "there is no $tool"
    done
    unshare --net --mount --pid true 2>/dev/null || skip "this kernel or container allows no namespaces"
    chmod 711 "$SANDBOX"
    local status=0
    env -i PATH="$path" SANDBOX="$SANDBOX" HOME="$SANDBOX/home" CREDMINT_TESTS="${CREDMINT_TESTS:-}" \
        CREDMINT_TESTS_KEEP="${CREDMINT_TESTS_KEEP:-}" CREDMINT_RETRIES="${CREDMINT_RETRIES:-}" \
        unshare --net --mount --pid --fork --kill-child --mount-proc --propagation private \
        bash "$script" --inside "$@" || status=$?
    exit "$status"
}

# Links to the newer clients that run here: some need a newer C library than an old system has.
newer_clients() {
    local from=$1 tool
    for tool in "${NEWER[@]}"; do
        if [ -x "$from/bin/$tool" ]; then ln -s "$from/bin/$tool" "$SANDBOX/clients/"; fi
        if [ -x "$from/sbin/$tool" ]; then ln -s "$from/sbin/$tool" "$SANDBOX/clients/"; fi
    done
    for tool in "${VENDORS[@]}"; do
        if [ -x "$from/../../$tool" ]; then ln -s "$(realpath -s "$from/../../$tool")" "$SANDBOX/vendors/"; fi
    done
    for tool in "${PLUGINS[@]}"; do
        for folder in "$from/libexec/docker/cli-plugins" /usr/libexec/docker/cli-plugins; do
            [ ! -x "$folder/$tool" ] || [ -e "$SANDBOX/plugins/$tool" ] || ln -s "$folder/$tool" "$SANDBOX/plugins/"
        done
    done
}

# Inside: addresses and names, and none of the machine's daemons.
furnish() {
    ip link set lo up
    local address
    ip address add 169.254.169.254/32 dev lo
    # Not in 127.0.0.0/8: there, the Docker engine requires neither TLS nor a valid certificate.
    for address in 2 3 4 5 6 7 8 9 10 11 12 13 14; do
        ip address add "192.0.2.$address/32" dev lo
    done
    # /run would show the clients the sockets of real daemons.
    mount -t tmpfs sandbox /run
    mkdir -p "$HOME"
    {
        echo 127.0.0.1 localhost
        names
    } >"$SANDBOX/hosts"
    mount --bind "$SANDBOX/hosts" /etc/hosts
}

# Makes all programs trust the CA of the pretend clouds.
trust() {
    local bundle found=
    for bundle in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
        [ -e "$bundle" ] || continue
        mount --bind "$SANDBOX/clouds/ca.pem" "$(realpath "$bundle")"
        found=yes
    done
    [ -n "$found" ] || skip "there is no bundle of certificates whose place the test's can take"
}

# await WHAT COMMAND...: until COMMAND succeeds, at most a minute: it bounds what hangs on a busy machine.
await() {
    local what=$1 turn
    shift
    for ((turn = 0; turn < 1200; turn++)); do
        "$@" >"$SANDBOX/said" 2>&1 && return
        sleep 0.05
    done
    tail -n 20 "$SANDBOX"/*.log
    fail "$what does not start"
}

listening() {
    (: <"/dev/tcp/$1/$2") 2>/dev/null
}
