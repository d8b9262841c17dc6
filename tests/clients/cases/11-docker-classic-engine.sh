# Docker with the classic image store, whose engine has its own code for authentication.
# wirings: helpers store
export DOCKER_HOST=unix://$SANDBOX/classic.sock
hosts=("$ECR" "$ECR_OTHER" "$PUBLIC" "$ACR" "$GAR" "$GHCR")
wire "${hosts[@]}"
for host in "${hosts[@]}"; do
    works "pull from $host" docker pull "$host/$APP:1"
    docker tag "$host/$APP:1" "$host/$APP:classic-$WIRING"
    works "push to $host" docker push "$host/$APP:classic-$WIRING"
    forget "$host/$APP:1" "$host/$APP:classic-$WIRING"
    works "pull --all-tags from $host" docker pull --all-tags "$host/$APP"
    forget "$host/$APP:1" "$host/$APP:classic-$WIRING"
done
mints "$MINT_ECR" 2 "one mint an account"
mints "$MINT_GHCR" 1 "one mint for $GHCR"
