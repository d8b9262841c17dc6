# Machines without a keychain, without a writable home, or with one token as their only identity.
# wirings: helpers store
need crane
wire "$ECR" "$ACR" "$GAR" "$GHCR"

# credmint chooses the place of its tokens: there is no bus and no keychain.
sed -i '/^vault/d' "$HOME/.config/credmint/config.toml"
works "a runner without a keychain" env -u DBUS_SESSION_BUS_ADDRESS CREDMINT_VAULT=auto docker pull "$ECR/$APP:1"
forget "$ECR/$APP:1"
echo 'vault = "file"' | cat - "$HOME/.config/credmint/config.toml" >config.toml
cp config.toml "$HOME/.config/credmint/config.toml"

works "no vault at all" env CREDMINT_VAULT=none docker pull "$ECR/$APP:1"
forget "$ECR/$APP:1"

# A container whose home is read-only, with a runtime folder and without one.
read_only() {
    unshare --mount --propagation private bash -c 'mount --bind "$HOME" "$HOME" && mount -o remount,bind,ro "$HOME" &&
        { [ -n "${XDG_RUNTIME_DIR:-}" ] && mount -t tmpfs -o mode=700 runtime "$XDG_RUNTIME_DIR" || true; } &&
        cd / && exec "$@"' - "$@"
}
for host in "$ECR" "$ACR" "$GAR" "$GHCR"; do
    works "a read-only home at $host" read_only docker pull "$host/$APP:1"
    forget "$host/$APP:1"
    works "a read-only home without a runtime folder at $host" env -u XDG_RUNTIME_DIR bash -c "$(declare -f read_only); read_only crane digest $host/$APP:1"
    works "a read-only home and the vault left open" env CREDMINT_VAULT=auto bash -c "$(declare -f read_only); read_only crane digest $host/$APP:1"
done

# A job with GITHUB_TOKEN only.
only_token() {
    env -u GOOGLE_APPLICATION_CREDENTIALS -u GITHUB_APP_ID -u GITHUB_APP_PRIVATE_KEY_PATH \
        GITHUB_TOKEN=ghp_pretendClassicToken0000000000000000 GITHUB_ACTIONS=true GITHUB_SERVER_URL=https://github.com "$@"
}
credmint cache clear >"$SAID" 2>&1
mv "$HOME/.aws" "$HOME/.aws-away"
works "only GITHUB_TOKEN: pull" only_token docker pull "$GHCR/$APP:1"
docker tag "$GHCR/$APP:1" "$GHCR/octo-org/team/job:$WIRING"
works "only GITHUB_TOKEN: push" only_token docker push "$GHCR/octo-org/team/job:$WIRING"
forget "$GHCR/$APP:1" "$GHCR/octo-org/team/job:$WIRING"
works "only GITHUB_TOKEN: the public elsewhere" only_token docker pull "$GAR/$OPEN:1"
forget "$GAR/$OPEN:1"
if grep -rq ghp_pretendClassicToken "$HOME/.local" "$HOME/.cache" "$XDG_RUNTIME_DIR" 2>/dev/null; then
    fail "GITHUB_TOKEN was kept"
fi
mv "$HOME/.aws-away" "$HOME/.aws"
