# Ansible docker_image_pull
# wirings: helpers store entries
# slow: 1200
. "$CLIENTS/matrix.sh"
brought python/bin/ansible-playbook
direct_engine
pulls() {
    export PATH=$BROUGHT/python/bin:$PATH LC_ALL=C.UTF-8
    engine_pulls ansible-playbook "$CLIENTS/matrix/pull.yaml" \
        --extra-vars "$(printf '%s\n' "$@" | jq --raw-input . | jq --slurp --compact-output '{images: .}')" -- "$@"
}
matrix
