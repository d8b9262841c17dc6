# Access to a repository of Artifact Registry, with the guide's commands and the real gcloud.
# wirings: helpers
# texts: google
need gcloud
. "$CLIENTS/walk.sh"
need glab
image=$GAR/octo-org/trust/app:1.2.3
works "gcloud has an account" gcloud auth activate-service-account --key-file "$GOOGLE_APPLICATION_CREDENTIALS"
guided "$image" create.repository
commits 0
git remote add origin https://gitlab.com/group1/project2.git
export GITLAB_TOKEN=glpat-pretend GITLAB_HOST=gitlab.com GLAB_CHECK_UPDATE=false NO_PROMPT=1
GUIDE_ARGUMENTS=(--ci gitlab)
guided "$image" ci.repository
same "the project" "$project $number" "group1/project2 123456789"
guided "$image" ci.file
same "whom the file signs in" "$(jq --raw-output .audience google-identity.json)" \
    //iam.googleapis.com/projects/123456789/locations/global/workloadIdentityPools/gitlab/providers/gitlab
GUIDE_ARGUMENTS=()
subject=repo:octo-org@1001/app@2002
guided "$image" ci.provider
guided "$image" ci.role
made '.google["projects/octo-org/locations/global/workloadIdentityPools/github/providers/github"].attributeCondition == "assertion.sub == '"'repo:octo-org@1001/app@2002:environment:release'"'"'
guided "$image" kubernetes.gke
works "both may use it" gcloud artifacts repositories get-iam-policy trust --project octo-org --location europe
grep -q 'subject/repo:octo-org@1001/app@2002:environment:release' "$SAID" || fail "the workflow may not push"
grep -q '123456789-compute@developer.gserviceaccount.com' "$SAID" || fail "the nodes may not pull"
