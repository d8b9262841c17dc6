# oras: push and pull of files, attach and discover, copy, tags, delete.
# wirings: helpers store
need oras
hosts=("$ECR" "$ECR_OTHER" "$PUBLIC" "$ACR" "$GAR" "$GHCR")
wire "${hosts[@]}"
echo 'a report' >report.txt
for host in "${hosts[@]}"; do
    name=$host/octo-org/team/oras-$WIRING
    works "oras push to $host" oras push "$name:1" report.txt:text/plain
    works "oras attach at $host" oras attach --artifact-type example/report "$name:1" report.txt:text/plain
    says "oras discover at $host" example/report oras discover "$name:1"
    mkdir -p pulled
    works "oras pull from $host" oras pull --output pulled "$name:1"
    same "the file is the same" "$(cat pulled/report.txt)" "$(cat report.txt)"
    works "oras tag at $host" oras tag "$name:1" second
    says "oras repo tags at $host" second oras repo tags "$name"
    works "oras manifest delete at $host" oras manifest delete --force "$name:1"
done
works "oras copy from one cloud to another" oras copy --recursive "$ECR/$APP:1" "$GAR/octo-org/oras-copied-$WIRING:1"
mints "$MINT_ECR" 2 "one mint an account"
mints "$MINT_GHCR" 1 "one mint for $GHCR"
