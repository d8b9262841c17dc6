# skopeo
# wirings: helpers
# more wirings: store entries
need skopeo
. "$CLIENTS/matrix.sh"
. "$CLIENTS/containers.sh"
pull() { skopeo inspect --raw "docker://$1"; }
fault no-store '@(store|entries)/!(anonymous)/*'
matrix
