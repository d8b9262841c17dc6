# Docker and its engine, with every kind of registry: pull, push, all tags, by digest, by platform.
# wirings: helpers store
hosts=("$ECR" "$ECR_EU" "$ECR_OTHER" "$PUBLIC" "$ACR" "$GAR" "$GHCR")
wire "${hosts[@]}"
for host in "${hosts[@]}"; do
    works "pull from $host" docker pull "$host/$APP:1"
    docker tag "$host/$APP:1" "$host/$APP:$WIRING"
    docker tag "$host/$APP:1" "$host/$APP:$WIRING-too"
    works "push to $host" docker push "$host/$APP:$WIRING"
    works "push --all-tags to $host" docker push --all-tags "$host/$APP"
    forget "$host/$APP:1" "$host/$APP:$WIRING" "$host/$APP:$WIRING-too"
    works "pull --all-tags from $host" docker pull --all-tags "$host/$APP"
    forget "$host/$APP:1" "$host/$APP:$WIRING" "$host/$APP:$WIRING-too"
    says "manifest inspect at $host" '"architecture": "arm64"' docker manifest inspect "$host/$APP:1"
    digest=$(digest_of "$host/$APP:1")
    works "pull by digest from $host" docker pull "$host/$APP@$digest"
    forget "$host/$APP@$digest"
    works "pull by platform from $host" docker pull --platform linux/arm64 "$host/$APP:1"
    says "that platform is there" arm64 \
        docker image inspect --platform linux/arm64 --format '{{.Architecture}}' "$host/$APP:1"
    forget "$host/$APP:1"
done
mints "$MINT_ECR" 3 "one mint a region and account"
mints "$MINT_PUBLIC" 1 "one mint for $PUBLIC"
mints "$MINT_ACR" 1 "one mint for $ACR"
mints "$MINT_GAR" 1 "one mint for $GAR"
# With a store, crane names the repository: its owner is then known, which needs another token.
if [ "$WIRING" = store ]; then tokens=2; else tokens=1; fi
mints "$MINT_GHCR" $tokens "one mint for $GHCR"
