# cosign: sign and verify with a key, next to the image and with its credentials.
# wirings: helpers store
need cosign
hosts=("$ECR" "$ACR" "$GAR" "$GHCR")
wire "${hosts[@]}"
for host in "${hosts[@]}"; do
    image=$host/octo-org/team/signed-$WIRING:1
    works "an image to sign at $host" crane copy "$host/$APP:1" "$image"
    if [ ! -e cosign.key ]; then
        guided "$image" sign.key-pair
    fi
    digest=$(digest_of "$image")
    guided "$image" sign.key
    guided "$image" sign.verify-key
    refused "an unsigned image at $host" 'no signatures|no matching' \
        cosign verify --key cosign.pub --insecure-ignore-tlog=true "$host/$APP:1"
done
mints "$MINT_ECR" 1 "one mint for $ECR"
