# Rootless and sudo: which home and which identity are used.
# wirings: helpers store
need setpriv crane
wire "$ECR" "$ECR_EU" "$GHCR"
other=$HOME-of-other
cp -r "$HOME" "$other"
rm -rf "$other/runtime" "$other/said"
mkdir -m 700 "$other/runtime"
chown -R 4242:4242 "$other"
# as_other COMMAND...: as an unprivileged user with its own home.
as_other() {
    (cd / && HOME=$other DOCKER_CONFIG=$other/.docker XDG_RUNTIME_DIR=$other/runtime \
        setpriv --reuid 4242 --regid 4242 --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all "$@")
}
chmod 755 "$SANDBOX/homes"
chmod 644 "$SANDBOX/clouds/app.pem"
works "a user without rights" as_other crane digest "$ECR/$APP:1"
works "the same with GitHub" as_other crane digest "$GHCR/$APP:1"
works "credmint status of this user" as_other credmint status
mints "$MINT_ECR" 1 "the mint of that user"
works "root has a token of its own" crane digest "$ECR/$APP:1"
mints "$MINT_ECR" 2 "the mint of root"
if find "$other" ! -uid 4242 | grep -q .; then fail "root left something in the user's home"; fi

# sudo that keeps HOME: root uses the user's home, and the user can continue afterwards.
as_root_there() {
    (cd / && HOME=$other DOCKER_CONFIG=$other/.docker XDG_RUNTIME_DIR=$other/runtime "$@")
}
works "root in the user's home" as_root_there crane digest "$ECR_EU/$APP:1"
works "the user goes on with what was there" as_other crane digest "$ECR/$APP:1"
works "the user goes on where root was first" as_other crane digest "$ECR_EU/$APP:1"
works "and once more" as_other crane digest "$ECR_EU/$APP:1"
# Files that root created in that home belong to the user.
mints "$MINT_ECR" 3 "one mint for both in the other region"
