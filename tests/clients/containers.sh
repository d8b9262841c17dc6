# shellcheck shell=bash
# podman and buildah with images of their own, for the cases that source this.

export CONTAINERS_STORAGE_CONF=$HOME/storage.conf CONTAINERS_REGISTRIES_CONF=$HOME/registries.conf
printf '[storage]\ndriver = "vfs"\ngraphroot = "%s"\nrunroot = "%s"\n' "$HOME/storage" "$XDG_RUNTIME_DIR/storage" \
    >"$CONTAINERS_STORAGE_CONF"
: >"$CONTAINERS_REGISTRIES_CONF"
mkdir -p "$HOME/.config/containers"
echo '{"default": [{"type": "insecureAcceptAnything"}]}' >"$HOME/.config/containers/policy.json"

pod() {
    podman --cgroup-manager cgroupfs --events-backend none "$@"
}
