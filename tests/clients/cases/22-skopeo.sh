# skopeo: inspect, list-tags, copy, sync, delete.
# wirings: helpers store
need skopeo
hosts=("$ECR" "$ECR_OTHER" "$PUBLIC" "$ACR" "$GAR" "$GHCR")
wire "${hosts[@]}"
[ "$WIRING" = helpers ] || works "credmint configure --podman" credmint configure --yes --podman "${hosts[@]}"
. "$CLIENTS/containers.sh"
for host in "${hosts[@]}"; do
    says "inspect at $host" '"Digest"' skopeo inspect "docker://$host/$APP:1"
    works "copy from $host" skopeo copy --all "docker://$host/$APP:1" "dir:$HOME/work/${host%%[.:]*}"
    works "copy to $host" skopeo copy --all "dir:$HOME/work/${host%%[.:]*}" "docker://$host/octo-org/team/skopeo:$WIRING"
    rm -r "$HOME/work/${host%%[.:]*}"
    says "list-tags at $host" "$WIRING" skopeo list-tags "docker://$host/octo-org/team/skopeo"
    works "delete at $host" skopeo delete "docker://$host/octo-org/team/skopeo:$WIRING"
    refused "it is gone from $host" 'manifest unknown' skopeo inspect "docker://$host/octo-org/team/skopeo:$WIRING"
done
works "sync from one cloud to another" \
    skopeo sync --all --src docker --dest docker "$ECR/$APP" "$GHCR/octo-org/synced-$WIRING"
same "both are the same image" "$(digest_of "$ECR/$APP:1")" "$(digest_of "$GHCR/octo-org/synced-$WIRING/app:1")"
mints "$MINT_ECR" 2 "one mint an account"
mints "$MINT_PUBLIC" 1 "one mint for $PUBLIC"
