# @devcontainers/cli, features
# wirings: helpers store entries
# slow: 900
need node oras
. "$CLIENTS/matrix.sh"
brought node/node_modules/@devcontainers/cli
export NODE_EXTRA_CA_CERTS=$SANDBOX/clouds/ca.pem
# It takes features, not images.
echo '{}' >config
tar -cf feature.tgz config
push() {
    oras push --no-tty "$@" --config config:application/vnd.devcontainers \
        feature.tgz:application/vnd.devcontainers.layer.v1+tar >"$SAID" 2>&1 || fail "a feature"
}
for port in 5001 5002 5003 5004 5005 5007; do
    for name in "$APP" "$OPEN"; do push --plain-http "127.0.0.1:$port/$name:feature"; done
done
push --username corp --password secret "$CORP/$APP:feature"
pull() { node "$BROUGHT/node/node_modules/@devcontainers/cli/devcontainer.js" features info manifest "${1%:1}:feature"; }
matrix
