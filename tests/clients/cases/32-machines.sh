# A machine in a cloud uses its own identity, from its metadata service.
# wirings: helpers store
rm "$HOME/.aws/credentials"
wire "$ECR" "$GAR"
works "pull as the instance" docker pull "$ECR/$APP:1"
forget "$ECR/$APP:1"
ask minted | jq --exit-status '[.[] | select(startswith("aws ASIAIMDS"))] | length > 0' >/dev/null ||
    fail "the identity is not the instance's"
unset GOOGLE_APPLICATION_CREDENTIALS
works "pull as the virtual machine" env GCE_METADATA_HOST=192.0.2.5 docker pull "$GAR/$APP:1"
forget "$GAR/$APP:1"
mints google.MetadataToken 1 "the machine's own account"
