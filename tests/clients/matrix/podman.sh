# podman
# wirings: helpers
# more wirings: store entries
need podman
. "$CLIENTS/matrix.sh"
. "$CLIENTS/containers.sh"
pull() { pod pull --quiet "$1"; }
fault no-store '@(store|entries)/!(anonymous)/*'
matrix
