# crane
# wirings: helpers store
# more wirings: entries
need crane
. "$CLIENTS/matrix.sh"
pull() { crane manifest "$1"; }
matrix
