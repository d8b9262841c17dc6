# shellcheck shell=bash
# For clients that sign in with a password, while Docker's configuration names
# credmint; sourced after matrix.sh. A cell is right if they are signed in, even to the registry of a cloud
# that rejects the sign-in.

# credentials: one line of REGISTRY USER PASSWORD each. Removes logins that were stored meanwhile, so that the tokens
# are minted.
credentials() {
    local registry
    for registry in "$ECR" "$ACR" "$GAR" "$GHCR"; do credmint logout "$registry" >"$SAID" 2>&1; done
    echo "$ECR AWS $(credmint token "$ECR")"
    echo "$ACR 00000000-0000-0000-0000-000000000000 $(credmint token "$ACR")"
    echo "$GAR oauth2accesstoken $(credmint token "$GAR")"
    echo "$GHCR x-access-token $(credmint token "$GHCR")"
    echo "$HUB dockerhub dckr_pat"
    echo "$CORP corp secret"
}

# signed_in STATE AS REGISTRY...
signed_in() {
    local state=$1 as=$2 registry images=()
    shift 2
    for registry in "$@"; do images+=("${IMAGE[$registry]}"); done
    served "$as" "${images[@]}"
    for registry in "$@"; do
        got "${IMAGE[$registry]}" || wrong "$state" "$registry" "not signed in"
    done
}

anonymous() {
    credentials >"$HOME/credentials" 2>"$SAID" || fail "credentials"
    signed_in anonymous as_anonymous "${REGISTRIES[@]}"
}

cold() {
    credmint cache clear >"$SAID" 2>&1
    logins dckr_pat secret
    signed_in cold as_user "${REGISTRIES[@]}"
}

cached() {
    signed_in cached as_user "${REGISTRIES[@]}"
}

expired() {
    credentials >"$HOME/credentials" 2>"$SAID" || fail "credentials"
    end_tokens
    logins wrong wrong
    signed_in expired as_user "${REGISTRIES[@]}"
    logins dckr_pat secret
}

broken() {
    credentials >"$HOME/credentials" 2>"$SAID" || fail "credentials"
    signed_in broken without_azure ACR GAR GHCR Hub own
    signed_in broken without_aws ECR
}
