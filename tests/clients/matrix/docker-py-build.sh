# docker-py 7, build
# wirings: helpers store entries
# slow: 600
. "$CLIENTS/matrix.sh"
brought python/bin/python
direct_engine
pulls() { "$BROUGHT/python/bin/python" "$CLIENTS/matrix/docker_py.py" build "$@"; }
fault all-or-nothing '*/broken/*'
fault list-only 'store/@(cold|cached)/!(Hub|own)'
matrix
