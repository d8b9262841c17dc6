# An image of ECR Public's from its repository to its end, by the guide's commands and the real aws.
# wirings: helpers
# texts: ecr-public
need docker-buildx crane cosign registry
. "$CLIENTS/walk.sh"
need aws
image=$PUBLIC/octo-org/walk:1.2.3
export AWS_CA_BUNDLE=$SANDBOX/clouds/ca.pem AWS_PAGER=
guided "$image" set-up.configure 's/^credmint configure/& --yes/'
guided "$image" sign-in.check
grep -q '"Account"' "$SAID" || fail "nobody is signed in"
GUIDE_ARGUMENTS=(--ci azure)
guided "$image" ci.account
GUIDE_ARGUMENTS=()
same "the account" "$account" 123456789012
guided "$image" create.alias
grep -qx octo-org "$SAID" || fail "the alias is not told"
guided "$image" create.repository
guided "$image" list.repositories
grep -qx walk "$SAID" || fail "the repository is not listed"
pushed "$image"
signed "$image"
guided "$image" list.aws
grep -q 1.2.3-production "$SAID" || fail "the tags are not listed"
# A tag of a commit moves on to the next one's image, and leaves an index that no tag names.
old=$(crane digest "${image%:*}:sha-$(git rev-parse --short=12 HEAD~3)")
crane tag "${image%:*}:sha-$(git rev-parse --short=12 HEAD~2)" "sha-$(git rev-parse --short=12 HEAD~3)" >"$SAID" 2>&1
all=$(crane ls --omit-digest-tags "${image%:*}")
guided "$image" clean-up.untagged
jq --exit-status --arg old "$old" 'any(.imageDigest == $old)' untagged.json >"$SAID" || fail "what no tag names is not listed"
guided "$image" clean-up.delete
grep -q ImageReferencedByManifestList "$SAID" || fail "no platform is refused"
refused "what no tag names is gone" 'MANIFEST_UNKNOWN' crane manifest "${image%:*}@$old"
# shellcheck disable=SC2086 # The names of tags.
kept "$image" $all
guided "$image" sign.verify-key
image=${image%:*}:staging
digest=$(crane digest "$image")
guided "$image" delete.tag
refused "the tag is gone" 'MANIFEST_UNKNOWN' crane digest "$image"
works "and the image is not" crane validate --platform linux/arm64 --remote "${image%:*}@$digest"
image=${image%:*}:production
guided "$image" delete.image
refused "the image is gone" 'MANIFEST_UNKNOWN' crane manifest "${image%:*}@$digest"
