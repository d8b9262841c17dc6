# docker pull
# wirings: helpers store
# more wirings: entries
. "$CLIENTS/matrix.sh"
direct_engine
pull() { docker pull --quiet "$1"; }
matrix
