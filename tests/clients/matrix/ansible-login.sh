# Ansible docker_login
# wirings: helpers store entries
# slow: 1200
. "$CLIENTS/matrix.sh"
. "$CLIENTS/logins.sh"
brought python/bin/ansible-playbook
direct_engine
export LC_ALL=C.UTF-8
# It writes the password into a store, or into the file: each time into another one.
pull() {
    local folder registry user password host=${1%%/*}
    folder=$(mktemp -d)
    read -r registry user password < <(grep -F "$host " "$HOME/credentials")
    [ "$registry" != "$HUB" ] || registry=https://index.docker.io/v1/
    cp "$DOCKER_CONFIG/config.json" "$folder/"
    "$BROUGHT/python/bin/ansible" localhost -m community.docker.docker_login \
        -a "registry_url=$registry username=$user password=$password config_path=$folder/config.json reauthorize=true" |
        grep -E 'CHANGED|SUCCESS'
}
fault asks-first '*/broken/@(ECR|ACR)'
matrix
