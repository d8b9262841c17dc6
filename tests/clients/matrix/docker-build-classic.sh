# docker build, classic
# wirings: helpers store
# more wirings: entries
. "$CLIENTS/matrix.sh"
direct_engine
pull() {
    printf 'FROM %s\n' "$1" | DOCKER_BUILDKIT=0 docker build --quiet --pull --no-cache -
}
fault list-only 'store/@(cold|cached)/!(Hub|own)'
fault all-or-nothing '@(store|entries)/broken/*'
matrix
