# An image in GitHub's registry, from its first push to its deletion, with the guide's commands and the real gh.
# wirings: helpers
# texts: ghcr ci
need docker-buildx crane cosign registry
. "$CLIENTS/walk.sh"
need gh
image=$GHCR/octo-org/walk/app:1.2.3
export GH_TOKEN=ghp_pretendClassicToken0000000000000000
unset GITHUB_APP_ID GITHUB_APP_PRIVATE_KEY_PATH
commits 0
git remote add origin https://github.com/octo-org/app.git
guided "$image" set-up.configure 's/^credmint configure/& --yes/'
guided "$image" sign-in.check
guided "$image" create.label
guided "$image" create.owner
grep -q 'octo-org/packages/container/package/walk%2Fapp' "$SAID" || fail "the package's page is not told"
pushed "$image"
same "every build" "$(crane ls "${image%:*}" | grep -c ^sha-)" 4
signed "$image"
guided "$image" list.packages
grep -q 'walk/app' "$SAID" || fail "the package is not listed"
guided "$image" list.gh
# More than one page of versions.
same "every version is listed" "$(grep -c sha256: "$SAID")" "$(gh api --paginate orgs/octo-org/packages/container/walk%2Fapp/versions?per_page=100 --jq '.[].id' | wc -l)"
# The settings of a workflow, for any registry.
ecr=$ECR/octo-org/walk/app:1
guided "$ecr" ci.repository
same "the subject" "$subject" repo:octo-org@1001/app@2002
guided "$image" ci.environment
guided "$image" ci.releases
guided "$ecr" ci.variable # of ecr
made '.github | index("variable AWS_ROLE=arn:aws:iam::123456789012:role/app-push")'
GUIDE_ARGUMENTS=(--github ghes.example)
echo sesame >cosign.key
guided "$ecr" ci.key 's/^gh secret set COSIGN_PASSWORD.*/echo sesame | &/' # of ci
GUIDE_ARGUMENTS=()
echo sesame >password
guided "$CORP/octo-org/walk/app:1" ci.secret 's/^gh secret.*/& <password/' # of other
guided "$HUB/dockerhub/app:1" ci.secret 's/^gh secret.*/& <password/' # of docker-hub
number=123456789
guided "$GAR/octo-org/walk/app:1" ci.variable # of google
made '["secret release REGISTRY_PASSWORD", "secret release DOCKERHUB_TOKEN", "secret release COSIGN_PRIVATE_KEY"] - .github == []'
made '.github | index("variable CREDMINT_RELEASES=https://releases.example/credmint")'
# An image that a version names beside an old commit, and one that nothing names.
crane tag "${image%:*}:sha-$(git rev-parse --short=12 HEAD~1)" 1.0.0
crane tag "${image%:*}:sha-$(git rev-parse --short=12 HEAD~3)" moved
crane tag "${image%:*}:sha-$(git rev-parse --short=12 HEAD~2)" moved
old=$(crane digest "${image%:*}:sha-$(git rev-parse --short=12 HEAD~2)")
all=$(crane ls --omit-digest-tags "${image%:*}")
# Does what the action does with the workflow's inputs. The guide keeps a hundred; here one is kept.
guided "$image" clean-up.workflow 's/keep-n-tagged: 100/keep-n-tagged: 1/'
inputs=$(sed -n 's/^          \([a-z-]*\): "\{0,1\}\([^"]*\)"\{0,1\}$/\1=\2/p' .github/workflows/clean-up.yml | paste -s -d '&')
ask "clean-up/github?$inputs" >"$SAID"
jq --exit-status 'length > 3' "$SAID" >/dev/null || fail "the action would clean up nothing"
# shellcheck disable=SC2086 # The names of tags.
kept "$image" $all
ask "clean-up/github?${inputs/dry-run=true/dry-run=false}" >"$SAID"
# shellcheck disable=SC2046 # The names of tags.
kept "$image" $(grep -v ^sha- <<<"$all") "sha-$commit"
works "what a tag names stays" crane validate --platform linux/amd64 --remote "${image%:*}@$old"
guided "$image" sign.verify-key
# Deleting a version deletes its tags and no other.
before=$(crane digest "$image")
guided "$image" delete.image
refused "it is gone" 'MANIFEST_UNKNOWN' crane manifest "${image%:*}@$before"
# shellcheck disable=SC2046 # The names of tags.
kept "$image" $(crane ls --omit-digest-tags "${image%:*}")
refused "its other names are gone" 'MANIFEST_UNKNOWN' crane digest "${image%:*}:production"
guided "$image" delete.image
