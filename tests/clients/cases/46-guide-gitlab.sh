# An image in GitLab's registry, from its project to its deletion, with the guide's commands and the real glab.
# wirings: helpers
# texts: gitlab
need docker-buildx crane cosign registry
. "$CLIENTS/walk.sh"
need glab
image=$GITLAB/group1/project2/app:1.2.3
export GITLAB_TOKEN=glpat-pretend GITLAB_HOST=gitlab.com GLAB_CHECK_UPDATE=false NO_PROMPT=1
echo glpat-pretend >token.txt
commits 0
git remote add origin https://gitlab.com/group1/project2.git
guided "$image" set-up.configure 's/^credmint configure/& --yes/'
guided "$image" sign-in.server 's/my-deploy-token/alice/'
guided "$image" sign-in.check
guided "$image" create.project
grep -q "$GITLAB/group1/project2" "$SAID" || fail "the project is not there"
pushed "$image"
signed "$image"
guided "$image" list.repositories
grep -qx "$GITLAB/group1/project2/app" "$SAID" || fail "the repository is not listed"
guided "$image" list.glab
grep -qx 1.2.3-production "$SAID" || fail "the tags are not listed"
# Names that match no policy: an old image keeps its newest tags under them.
crane tag "${image%:*}:sha-$(git rev-parse --short=12 HEAD~1)" v1.0.0
all=$(crane ls --omit-digest-tags "${image%:*}")
guided "$image" clean-up.policy
guided "$image" clean-up.apply
made '.gitlab[] | select(startswith("policy ")) | contains("\"keep_n\":100")'
ask days-later/31 >"$SAID"
same "a hundred are not there" "$(ask clean-up)" "[]"
# The guide keeps a hundred; here one is kept.
guided "$image" clean-up.policy 's/"keep_n": 100/"keep_n": 1/'
guided "$image" clean-up.apply
ask clean-up >"$SAID"
jq --exit-status 'length > 3' "$SAID" >/dev/null || fail "nothing is cleaned up"
# shellcheck disable=SC2046 # The names of tags.
kept "$image" $(grep -v ^sha- <<<"$all") "sha-$commit"
guided "$image" sign.verify-key
guided "$image" delete.tag
refused "the tag is gone" 'MANIFEST_UNKNOWN' crane digest "$image"
# shellcheck disable=SC2046 # The names of tags.
kept "$image" $(crane ls --omit-digest-tags "${image%:*}")

# The settings of a pipeline, for any registry.
echo long-enough-to-be-masked >password
GUIDE_ARGUMENTS=(--ci gitlab)
guided "$ACR/octo-org/walk/app:1" ci.repository # of acr
same "the project" "$project" group1/project2
guided "$ECR/octo-org/walk/app:1" ci.repository # of ecr
guided "$PUBLIC/alias1/app:1" ci.repository # of ecr-public
account=123456789012
guided "$PUBLIC/alias1/app:1" ci.variable # of ecr-public
made ".gitlab | index(\"variable AWS_ROLE_ARN=arn:aws:iam::123456789012:role/app-push\")"
guided "$GHCR/octo-org/walk/app:1" ci.variable "s/^glab.*/& <password/" # of ghcr
guided "$HUB/dockerhub/app:1" ci.variable "s/^glab.*/& <password/" # of docker-hub
guided "$CORP/octo-org/walk/app:1" ci.variable "s/^glab.*PASSWORD.*/& <password/" # of other
