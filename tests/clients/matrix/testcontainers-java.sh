# Testcontainers for Java
# wirings: helpers store entries
# slow: 900
. "$CLIENTS/matrix.sh"
. "$CLIENTS/java.sh"
direct_engine
export TESTCONTAINERS_HOST_OVERRIDE=localhost
export TESTCONTAINERS_RYUK_DISABLED=true
echo 'checks.disable=true' >"$HOME/.testcontainers.properties"
pulls() { engine_pulls on_java TestcontainersClient "$@" -- "$@"; }
matrix
