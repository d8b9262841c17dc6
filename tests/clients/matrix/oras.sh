# oras
# wirings: helpers
# more wirings: store entries
need oras
. "$CLIENTS/matrix.sh"
pull() { oras manifest fetch "$1"; }
matrix
