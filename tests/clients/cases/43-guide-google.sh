# An image in Artifact Registry, from its repository to its deletion, with the guide's commands and the real gcloud.
# wirings: helpers
# texts: google
need docker-buildx crane cosign registry gcloud
. "$CLIENTS/walk.sh"
image=$GAR/octo-org/walk/app:1.2.3
works "gcloud has an account" gcloud auth activate-service-account --key-file "$GOOGLE_APPLICATION_CREDENTIALS"
guided "$image" set-up.configure 's/^credmint configure/& --yes/'
guided "$image" sign-in.check
guided "$image" create.service
made '.google | has("projects/octo-org/services/artifactregistry.googleapis.com")'
guided "$image" create.repository
guided "$image" list.repositories
grep -q walk "$SAID" || fail "the repository is not listed"
pushed "$image"
signed "$image"
guided "$image" list.packages
grep -q app "$SAID" || fail "the package is not listed"
guided "$image" list.gcloud
for tag in 1.2.3 1.2.3-production staging "sha-$commit"; do
    grep -q -- "$tag" "$SAID" || fail "$tag is not listed"
done
guided "$image" scan.enable
guided "$image" scan.findings
grep -q 'affectedPackage: app-library' "$SAID" || fail "the findings are not told"
# The guide keeps a hundred and their platforms; here six are kept.
guided "$image" clean-up.policy 's/"keepCount": 100/"keepCount": 6/'
guided "$image" clean-up.preview
ask days-later/31 >"$SAID"
same "a preview deletes nothing" "$(ask clean-up)" "[]"
guided "$image" clean-up.apply
all=$(crane ls --omit-digest-tags "${image%:*}")
ask clean-up >"$SAID"
jq --exit-status 'length > 2' "$SAID" >/dev/null || fail "nothing is cleaned up"
# shellcheck disable=SC2046 # The names of tags.
kept "$image" $(grep -v ^sha- <<<"$all") "sha-$commit" 
guided "$image" sign.verify-key
guided "$image" delete.tag
refused "the tag is gone" 'MANIFEST_UNKNOWN' crane digest "$image"
works "and the image is not" crane validate --platform linux/arm64 --remote "${image%:*}:production"
crane tag "${image%:*}:production" 1.2.3
guided "$image" delete.image
refused "the image is gone" 'MANIFEST_UNKNOWN' crane digest "${image%:*}:production"
