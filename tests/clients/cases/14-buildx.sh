# buildx: for several platforms at once, with provenance and SBOM, with a cache in the registry; imagetools.
# wirings: helpers store
need docker-buildx
hosts=("$ECR" "$ACR" "$GAR" "$GHCR")
wire "${hosts[@]}"
for host in "${hosts[@]}"; do
    printf 'FROM %s/%s:1\nCOPY Dockerfile /\n' "$host" "$APP" >Dockerfile
    name=$host/octo-org/team/multi
    works "build for two platforms to $host" docker buildx build --platform linux/amd64,linux/arm64 --push \
        --provenance=mode=max --cache-to "type=registry,ref=$name:cache,mode=max,image-manifest=true" \
        --tag "$name:$WIRING" --tag "$name:latest" .
    says "imagetools inspect at $host" 'linux/arm64' docker buildx imagetools inspect "$name:$WIRING"
    says "the provenance is there" buildType docker buildx imagetools inspect "$name:latest" --format '{{json .Provenance}}'
    docker buildx prune --all --force >/dev/null
    says "the next build takes the cache from $host" 'CACHED' docker buildx build --progress plain \
        --cache-from "type=registry,ref=$name:cache" --push --tag "$name:again" .
    works "imagetools create at $host" docker buildx imagetools create --tag "$name:created" "$name:$WIRING"
    same "it is the same image" "$(digest_of "$name:created")" "$(digest_of "$name:$WIRING")"
done
mints "$MINT_ECR" 1 "one mint for $ECR"
mints "$MINT_GAR" 1 "one mint for $GAR"
# promote: buildx sometimes pushes the index before the last of its images exists, and is rejected;
# a second attempt with the same credentials succeeds.
promote() {
    local create=(docker buildx imagetools create --tag "$GHCR/octo-org/team/promoted:$WIRING")
    "${create[@]}" "$ECR/octo-org/team/multi:$WIRING" || {
        grep -q 'blob unknown to registry' "$SAID" && "${create[@]}" "$ECR/octo-org/team/multi:$WIRING"
    }
}
works "imagetools create from one cloud to another" promote
same "it is the same image there" \
    "$(digest_of "$GHCR/octo-org/team/promoted:$WIRING")" "$(digest_of "$ECR/octo-org/team/multi:$WIRING")"
