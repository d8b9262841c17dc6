# podman: pull, push, login, logout.
# wirings: helpers store
need podman
# podman uses `credHelpers` of Docker's file but not its store: for podman, the store is in a file of its own.
hosts=("$ECR" "$ECR_OTHER" "$PUBLIC" "$ACR" "$GAR" "$GHCR")
wire "${hosts[@]}"
[ "$WIRING" = helpers ] || works "credmint configure --podman" credmint configure --yes --podman "${hosts[@]}"
. "$CLIENTS/containers.sh"
for host in "${hosts[@]}"; do
    works "pull from $host" pod pull "$host/$APP:1"
    works "push to $host" pod push "$host/$APP:1" "$host/$APP:podman"
    works "rmi of the image of $host" pod rmi "$host/$APP:1"
done
works "pull by platform" pod pull --platform linux/arm64 "$ECR/$APP:1"
works "manifest inspect" pod manifest inspect "$GAR/$APP:1"
mints "$MINT_ECR" 2 "one mint an account"
mints "$MINT_GAR" 1 "one mint for $GAR"
works "login at $CORP" pod login --username corp --password-stdin "$CORP" <<<secret
works "pull from $CORP" pod pull "$CORP/$APP:1"
works "logout from $CORP" pod logout "$CORP"
works "logout from $ECR" pod logout "$ECR"
mints "$MINT_ECR" 2 "no mint for a logout"
works "a pull after it mints again" pod pull "$ECR/$APP:1"
mints "$MINT_ECR" 3 "the mint after the logout"
