# docker-py 7, login with a password
# wirings: helpers store entries
# slow: 600
. "$CLIENTS/matrix.sh"
. "$CLIENTS/logins.sh"
brought python/bin/python
direct_engine
pulls() { "$BROUGHT/python/bin/python" "$CLIENTS/matrix/docker_py.py" login "$@"; }
fault asks-first '*/broken/@(ECR|ACR)'
matrix
