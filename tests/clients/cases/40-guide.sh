# The commands that `credmint guide` prints: tags, builds, pulls, lists, signatures.
# wirings: helpers
# texts: other
need docker-buildx crane skopeo cosign
ip link show sandbox0 >/dev/null 2>&1 || { echo "skipped: this kernel has no bridges, which SBOMs need"; exit 77; }
. "$CLIENTS/containers.sh"
git init --quiet .
git -c user.name=case -c user.email=case@example commit --quiet --allow-empty --message one
for host in "$ECR" "$ACR" "$GAR" "$GHCR" "$CORP" "$TOKENS"; do
    image=$host/octo-org/guide/app:1.2.3
    case $host in
    "$CORP") credmint login --username corp --password-stdin "$CORP" <<<secret >"$SAID" 2>&1 ;;
    "$TOKENS") credmint login --username hub --password-stdin "$TOKENS" <<<sesame >"$SAID" 2>&1 ;;
    esac
    guided "$image" set-up.configure 's/^credmint configure/& --yes/'
    guided "$image" set-up.podman 's/^credmint configure/& --yes/'
    guided "$image" set-up.status
    guided "$image" sign-in.check '/^aws /d'

    printf 'FROM scratch\nCOPY Dockerfile /\n' >Dockerfile
    guided "$image" build.single
    guided "$image" tags.versions
    same "every tag is there" "$(crane ls "${image%:*}" | sort | tr '\n' ' ')" "1 1.2 1.2.3 sha-$commit "
    guided "$image" build.multi-platform
    # Before a cache exists, which is not an image.
    guided "$image" pull.all-tags
    guided "$image" build.complete
    guided "$image" tags.promote
    guided "$image" tags.promote-with-docker
    guided "$image" tags.environment
    for environment in staging production; do
        same "$environment is that digest" "$(digest_of "${image%:*}:$environment")" "$(digest_of "$image")"
    done

    forget "$image"
    guided "$image" pull.tag
    guided "$image" pull.digest
    guided "$image" pull.platform
    guided "$image" pull.inspect
    guided "$image" pull.sbom
    grep -q 'made by the stand-in' "$SAID" || fail "the SBOM is not there"
    guided "$image" pull.validate
    guided "$image" pull.local
    guided "$image" pull.debug
    guided "$image" list.crane
    guided "$image" list.skopeo
    grep -q production "$SAID" || fail "list-tags is not whole"

    [ -e cosign.key ] || guided "$image" sign.key-pair
    guided "$image" sign.digest
    guided "$image" sign.key
    guided "$image" sign.verify-key
    guided "$image" sign.sbom
    guided "$image" sign.verify-sbom
    guided "$image" scan.build
    guided "$image" build.all-tags
    guided "$image" trouble.log
    unset CREDMINT_LOG
done
for host in "$CORP" "$TOKENS"; do
    guided "$host/octo-org/guide/app:1.2.3" delete.image
    refused "it is gone from $host" 'MANIFEST_UNKNOWN' crane digest "$host/octo-org/guide/app:1.2.3"
done
