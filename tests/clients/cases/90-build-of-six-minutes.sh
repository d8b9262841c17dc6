# A build that outlives its token, in one session of BuildKit, which keeps what it gets for almost five
# minutes and then asks again.
# slow: 460
hosts=("$ECR" "$ACR" "$GAR" "$GHCR")
wire "${hosts[@]}"
cp "$(command -v busybox)" .
ask token-life/330 >/dev/null
jobs=()
for host in "${hosts[@]}"; do
    mkdir "$host"
    cp busybox "$host"
    printf 'FROM %s/%s:1\nCOPY busybox /bin/\nRUN ["/bin/busybox", "sleep", "350"]\n' "$host" "$APP" >"$host/Dockerfile"
    docker buildx build --network none --no-cache --pull --progress plain --push \
        --tag "$host/octo-org/team/long:1" "$host" >"$host.log" 2>&1 &
    jobs+=($!)
done
for index in "${!hosts[@]}"; do
    host=${hosts[index]}
    wait "${jobs[index]}" || { cp "$host.log" "$SAID"; fail "the build at $host"; }
done
for call in "$MINT_ECR" "$MINT_ACR" "$MINT_GAR" "$MINT_GHCR"; do
    mints "$call" 2 "one mint for the build, one for its push"
done
for host in "${hosts[@]}"; do
    works "the image is at $host" crane digest "$host/octo-org/team/long:1"
done
