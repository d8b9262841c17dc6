# notation: sign and verify with a certificate.
# wirings: helpers store
need notation
hosts=("$ECR" "$ACR" "$GAR" "$GHCR")
wire "${hosts[@]}"
works "a certificate for tests" notation cert generate-test --default case.example
cat >policy.json <<'END'
{"version": "1.0", "trustPolicies": [{"name": "case", "registryScopes": ["*"],
  "signatureVerification": {"level": "strict"}, "trustStores": ["ca:case.example"], "trustedIdentities": ["*"]}]}
END
works "a policy" notation policy import policy.json
for host in "${hosts[@]}"; do
    name=$host/octo-org/team/notation-$WIRING
    works "an image to sign at $host" crane copy "$host/$APP:1" "$name:1"
    image=$name@$(digest_of "$name:1")
    works "notation sign at $host" notation sign "$image"
    says "notation list at $host" sha256 notation list "$image"
    says "notation verify at $host" 'Successfully verified' notation verify "$image"
done
