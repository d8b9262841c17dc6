# Testcontainers for Node 10
# wirings: helpers store entries
# slow: 600
. "$CLIENTS/matrix.sh"
brought node/node_modules/testcontainers-10
need node
direct_engine
export TESTCONTAINERS_HOST_OVERRIDE=localhost
pulls() { engine_pulls node "$BROUGHT/node/testcontainers.js" testcontainers-10 "$@" -- "$@"; }
fault not-found-is-an-error '@(helpers|entries)/anonymous/@(ECR|GAR|GHCR)'
fault list-only 'store/@(cold|cached)/!(Hub|own)'
fault hub-by-name '@(store|entries)/!(anonymous)/Hub'
matrix
