# crane: copy, ls, digest, manifest, pull, push, tag, delete, catalog.
# An index also contains attestations, which crane reports as broken images, so one platform is validated.
# wirings: helpers store
need crane
hosts=("$ECR" "$ECR_OTHER" "$PUBLIC" "$ACR" "$GAR" "$GHCR")
wire "${hosts[@]}"
for host in "${hosts[@]}"; do
    name=$host/octo-org/team/crane-$WIRING
    works "crane copy at $host" crane copy "$host/$APP:1" "$name:1"
    same "crane digest at $host" "$(crane digest "$name:1")" "$(crane digest "$host/$APP:1")"
    works "crane tag at $host" crane tag "$name:1" second
    says "crane ls at $host" second crane ls "$name"
    says "crane manifest at $host" manifests crane manifest "$name:second"
    works "crane pull from $host" crane pull "$name:1" "$HOME/work/image.tar"
    works "crane push to $host" crane push "$HOME/work/image.tar" "$name:pushed"
    works "crane validate at $host" crane validate --platform linux/amd64 --remote "$name:1"
    works "crane delete at $host" crane delete "$name@$(crane digest "$name:pushed")"
    refused "it is gone from $host" 'MANIFEST_UNKNOWN' crane digest "$name:pushed"
done
works "crane copy from one cloud to another" \
    crane copy --all-tags "$GAR/octo-org/team/crane-$WIRING" "$ECR_OTHER/octo-org/copied-$WIRING"
works "crane catalog" crane catalog "$ECR"
mints "$MINT_ECR" 2 "one mint an account"
