# docker-py 5, pull
# wirings: helpers
# more wirings: store entries
/usr/bin/python3 -c 'import docker' 2>/dev/null || { echo "skipped: there is no docker for python3"; exit 77; }
. "$CLIENTS/matrix.sh"
direct_engine
pulls() { /usr/bin/python3 "$CLIENTS/matrix/docker_py.py" pull "$@"; }
matrix
