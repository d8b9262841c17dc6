# The guide's copy from one cloud to another, in every direction, with minted tokens on both sides.
# wirings: helpers
need crane skopeo oras
. "$CLIENTS/containers.sh"
hosts=("$ECR" "$ACR" "$GAR" "$GHCR")
for from in "${hosts[@]}"; do
    crane copy "127.0.0.1:5001/$APP:1" "127.0.0.1:5001/$APP:2" >"$SAID" 2>&1 || fail "a second tag"
    for to in "${hosts[@]}" "$ECR_EU" "$ECR_OTHER"; do
        [ "$from" != "$to" ] || continue
        image=$from/$APP:1
        GUIDE_ARGUMENTS=(--to "$to/octo-org/from-${from%%[.-]*}/app")
        credmint unconfigure >"$SAID" 2>&1
        guided "$image" mirror.configure 's/^credmint configure/& --yes/'
        works "podman's file too" credmint configure --yes --podman "$from" "$to"
        guided "$image" mirror.create
        guided "$image" mirror.one
        guided "$image" mirror.skopeo
        guided "$image" mirror.every
        guided "$image" mirror.all
        guided "$image" mirror.sync
        guided "$image" mirror.compare
        same "both sides are the same" "$(sed -n '$p' "$SAID")" "$(tail -n 2 "$SAID" | head -n 1)"
    done
done
mints "$MINT_ECR" 3 "one mint a region and account"
