# docker pull of docker/cli 29.9
# wirings: helpers store entries
# slow: 600
. "$CLIENTS/matrix.sh"
brought go/docker
direct_engine
pull() { "$BROUGHT/go/docker" pull --quiet "$1"; }
matrix
