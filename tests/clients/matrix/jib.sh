# Jib
# wirings: helpers store entries
# slow: 900
. "$CLIENTS/matrix.sh"
. "$CLIENTS/java.sh"
pulls() { on_java JibClient "$@"; }
matrix
