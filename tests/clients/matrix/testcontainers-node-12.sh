# Testcontainers for Node 12
# wirings: helpers store entries
# slow: 600
. "$CLIENTS/matrix.sh"
brought node/node_modules/testcontainers-12
need node
direct_engine
export TESTCONTAINERS_HOST_OVERRIDE=localhost
pulls() { engine_pulls node "$BROUGHT/node/testcontainers.js" testcontainers-12 "$@" -- "$@"; }
matrix
