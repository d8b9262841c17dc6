# regctl
# wirings: helpers store entries
# slow: 600
. "$CLIENTS/matrix.sh"
brought go/regctl
pull() { "$BROUGHT/go/regctl" manifest get "$1"; }
fault list-only 'store/@(cold|cached)/!(Hub|own)'
matrix
