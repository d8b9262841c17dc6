# docker-py 7, pull
# wirings: helpers store entries
# slow: 600
. "$CLIENTS/matrix.sh"
brought python/bin/python
direct_engine
pulls() { "$BROUGHT/python/bin/python" "$CLIENTS/matrix/docker_py.py" pull "$@"; }
matrix
