# An image in Azure, from its registry to its deletion, with the guide's commands and the real az.
# wirings: helpers
# texts: acr
need docker-buildx crane cosign registry
. "$CLIENTS/walk.sh"
need az gh
image=$ACR/octo-org/walk/app:1.2.3
# There is no browser for the sign-in.
works "az has signed in" az login --service-principal --username app --password secret-of-app --tenant "$AZURE_TENANT_ID"
guided "$image" set-up.configure 's/^credmint configure/& --yes/'
guided "$image" sign-in.check
guided "$image" create.registry
made '.azure.resources | to_entries[] | select(.key | endswith("/registries/contoso")).value.properties.adminUserEnabled == false'
pushed "$image"
signed "$image"
guided "$image" list.repositories
grep -q octo-org/walk/app "$SAID" || fail "the repository is not listed"
guided "$image" list.az
grep -q 1.2.3-production "$SAID" || fail "the image is not listed"
guided "$image" scan.defender
made '.azure.resources | to_entries[] | select(.key | endswith("/pricings/containers")).value.properties.pricingTier == "Standard"'
all=$(crane ls --omit-digest-tags "${image%:*}")
ask days-later/31 >"$SAID"
# The guide keeps a hundred; here one is kept.
guided "$image" clean-up.preview 's/--keep 100/--keep 1/'
grep -q 'Would delete: octo-org/walk/app:sha-' "$SAID" || fail "the preview is empty"
# shellcheck disable=SC2086 # The names of tags.
kept "$image" $all
guided "$image" clean-up.lock
guided "$image" clean-up.apply 's/--keep 100/--keep 1/'
guided "$image" clean-up.now
# shellcheck disable=SC2046 # The names of tags.
kept "$image" $(grep -v ^sha- <<<"$all") "sha-$commit"
guided "$image" sign.verify-key
works "the registry is of the tier that retains" az acr update --name contoso --sku Premium
guided "$image" clean-up.retention
made '.azure.resources | to_entries[] | select(.key | endswith("/registries/contoso")).value.properties.policies.retentionPolicy == {"days": 30, "status": "enabled"}'
refused "a locked tag stays" 'locked' az acr repository untag --name contoso --image octo-org/walk/app:1.2.3
image=${image%:*}:production
guided "$image" delete.tag
refused "the tag is gone" 'MANIFEST_UNKNOWN' crane digest "$image"
image=${image%:*}:staging
digest=$(crane digest "$image")
guided "$image" delete.image
refused "the image is gone" 'MANIFEST_UNKNOWN' crane manifest "${image%:*}@$digest"

guided "$image" sign-in.server
guided "$image" sign-in.no-admin
subject=repo:octo-org@1001/app@2002
guided "$image" ci.identity
guided "$image" ci.trust
guided "$image" ci.federation
export GH_TOKEN=ghp_pretendClassicToken0000000000000000
git remote add origin https://github.com/octo-org/app.git
guided "$image" ci.variables
made "[\"variable AZURE_CLIENT_ID=$application\", \"variable AZURE_TENANT_ID=$AZURE_TENANT_ID\"] - .github == []"
made '.azure.trusts == ["https://token.actions.githubusercontent.com repo:octo-org@1001/app@2002:environment:release"]'
made '[.azure.resources[] | select(.type == "Microsoft.Authorization/roleAssignments").properties.roleDefinitionId | split("/")[-1]] | sort == ["7f951dda-4ed3-4680-a7ca-43fe172d538d", "8311e382-0749-4cb8-b61a-304f252e45ec"]'
