# Twenty builds and twenty pulls on one runner: one mint per registry.
# wirings: helpers store
hosts=("$ECR" "$ACR" "$GAR" "$GHCR")
wire "${hosts[@]}"
printf 'FROM scratch\nCOPY Dockerfile /\n' >Dockerfile
# push NUMBER: repeated if the registry (distribution 2.8) fails because one blob is uploaded five times
# at once. The token is cached by then, so this needs no mint.
push() {
    local image=${hosts[$1 % 4]}/octo-org/team/many-$WIRING:$1
    for _ in 1 2 3; do
        docker buildx build --no-cache --quiet --push --tag "$image" . >"said-$1" 2>&1 && return
        grep -qE 'did not match uploaded content|blob unknown to registry' "said-$1" || return 1
    done
    return 1
}
for number in $(seq 20); do
    push "$number" &
done
for job in $(jobs -p); do wait "$job" || { cat said-* >"$SAID"; fail "one of twenty builds"; }; done
echo "ok: twenty builds"
for number in $(seq 20); do
    host=${hosts[number % 4]}
    docker pull --quiet "$host/octo-org/team/many-$WIRING:$number" >"said-$number" 2>&1 &
done
for job in $(jobs -p); do wait "$job" || { cat said-* >"$SAID"; fail "one of twenty pulls"; }; done
echo "ok: twenty pulls"
mints "$MINT_ECR" 1 "one mint for $ECR"
mints "$MINT_ACR" 1 "one mint for $ACR"
mints "$MINT_GAR" 1 "one mint for $GAR"
mints "$MINT_GHCR" 1 "one mint for $GHCR"
