# docker compose pull
# wirings: store
# more wirings: helpers entries
need docker-compose
. "$CLIENTS/matrix.sh"
direct_engine
pull() {
    printf 'name: matrix\nservices: {one: {image: "%s"}}\n' "$1" | docker compose --file - pull
}
matrix
