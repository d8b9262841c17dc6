# testcontainers-go
# wirings: helpers store entries
# slow: 600
. "$CLIENTS/matrix.sh"
brought go/testcontainers-go
direct_engine
export TESTCONTAINERS_HOST_OVERRIDE=localhost
pulls() { engine_pulls "$BROUGHT/go/testcontainers-go" "$@" -- "$@"; }
fault keys-alone 'store/!(anonymous)/*'
fault all-or-nothing '@(helpers|entries)/broken/*'
matrix
