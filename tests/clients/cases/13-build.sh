# `docker build` from private images and to private registries, by both builders of both engines.
# wirings: helpers store
hosts=("$ECR" "$ACR" "$GAR" "$GHCR")
wire "${hosts[@]}"
need docker-buildx
# The classic builder asks for no registry but sends along what it knows: every entry of credHelpers,
# and what the store lists. A store lists what is there already.
[ "$WIRING" = helpers ] || works "credmint cache warm" credmint cache warm "${hosts[@]}"
for host in "${hosts[@]}"; do
    printf 'FROM %s/%s:1\nCOPY Dockerfile /\n' "$host" "$APP" >Dockerfile
    for engine in containerd classic; do
        export DOCKER_HOST=unix://$SANDBOX/$engine.sock
        for buildkit in 0 1; do
            tag=$host/octo-org/team/built:$engine-$buildkit-$WIRING
            works "build at $host (engine $engine, BuildKit $buildkit)" \
                env DOCKER_BUILDKIT=$buildkit docker build --pull --no-cache --tag "$tag" .
            works "push of it" docker push "$tag"
            forget "$tag" "$host/$APP:1"
        done
    done
done
# A stage from each cloud: one build signs in everywhere.
printf 'FROM %s AS one\nFROM %s AS two\nFROM %s AS three\nFROM %s\nCOPY --from=one /file.txt /1\nCOPY --from=two /file.txt /2\nCOPY --from=three /file.txt /3\n' \
    "${hosts[@]/%//$APP:1}" >Dockerfile
works "a build out of four clouds" docker build --pull --no-cache --tag "$ECR/octo-org/team/three:$WIRING" .
mints "$MINT_ECR" 1 "one mint for $ECR"
mints "$MINT_ACR" 1 "one mint for $ACR"
mints "$MINT_GAR" 1 "one mint for $GAR"
mints "$MINT_GHCR" 1 "one mint for $GHCR"
