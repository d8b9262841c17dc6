# buildah: build from one cloud, push to another.
# wirings: helpers store
need buildah
hosts=("$ECR" "$ACR" "$GAR" "$GHCR")
wire "${hosts[@]}"
[ "$WIRING" = helpers ] || works "credmint configure --podman" credmint configure --yes --podman "${hosts[@]}"
. "$CLIENTS/containers.sh"
for host in "${hosts[@]}"; do
    printf 'FROM %s/%s:1\nCOPY Dockerfile /\n' "$host" "$APP" >Dockerfile
    works "buildah build from $host" buildah build --pull-always --isolation chroot --tag built .
    for to in "${hosts[@]}"; do
        works "buildah push to $to" buildah push built "docker://$to/octo-org/team/buildah:$WIRING"
    done
done
container=$(buildah from "$GHCR/octo-org/team/buildah:$WIRING")
works "buildah from what was pushed" buildah inspect "$container"
mints "$MINT_ECR" 1 "one mint for $ECR"
mints "$MINT_GAR" 1 "one mint for $GAR"
