# A build never gets a nearly expired token: BuildKit caches credentials for five minutes.
# wirings: helpers store
hosts=("$ECR" "$ACR" "$GAR" "$GHCR")
wire "${hosts[@]}"
cp "$(command -v busybox)" .
# It is nearly expired after half of its lifetime; a busy machine can pull until then.
ask token-life/60 >/dev/null
for host in "${hosts[@]}"; do
    works "pull from $host" docker pull "$host/$APP:1"
    forget "$host/$APP:1"
done
mints "$MINT_ECR" 1 "the token of the pull"
sleep 31
for host in "${hosts[@]}"; do
    printf 'FROM %s/%s:1\nCOPY busybox /bin/\nRUN ["/bin/busybox", "sleep", "1"]\n' "$host" "$APP" >Dockerfile
    works "a build at $host in between" docker buildx build --network none --no-cache --pull --push \
        --tag "$host/octo-org/team/nearly-expired:$WIRING" .
done
mints "$MINT_ECR" 2 "another one, for the build"
mints "$MINT_GAR" 2 "another one, for the build"

# A token that expires between build and push: the push gets a new one.
ask token-life/8 >/dev/null
credmint cache clear >"$SAID" 2>&1
for host in "${hosts[@]}"; do
    printf 'FROM %s/%s:1\nCOPY busybox /bin/\nRUN ["/bin/busybox", "sleep", "9"]\n' "$host" "$APP" >Dockerfile
    works "a build at $host that outlives its token" \
        docker build --network none --no-cache --pull --tag "$host/octo-org/team/outlived:$WIRING" .
    works "its push" docker push "$host/octo-org/team/outlived:$WIRING"
done
ask token-life/43200 >/dev/null
