# The guide's scans, with the real scanners (tests/clients/scanners): an image with a vulnerability fails,
# and one without passes, in each registry, before a push and in a pipeline.
# slow: 900
# texts: ghcr
scanners=$(realpath "$CLIENTS/../../target/scanners")
{ [ -x "$scanners/grype" ] && [ -x "$scanners/trivy" ]; } ||
    { echo "skipped: there are no scanners: tests/clients/scanners target/scanners"; exit 77; }
need docker-buildx crane
ip link show sandbox0 >/dev/null 2>&1 || { echo "skipped: this kernel has no bridges, which the pipeline's scanner needs"; exit 77; }
export PATH=$scanners:$PATH
export GRYPE_DB_CACHE_DIR=$scanners/grype-db GRYPE_DB_AUTO_UPDATE=false GRYPE_DB_VALIDATE_AGE=false GRYPE_CHECK_FOR_APP_UPDATE=false
cp -r "$scanners/trivy-db" "$HOME/trivy"
export TRIVY_CACHE_DIR=$HOME/trivy
# There is no network, so no checks for a newer database or a newer trivy.
offline=(TRIVY_SKIP_DB_UPDATE=true TRIVY_SKIP_JAVA_DB_UPDATE=true TRIVY_OFFLINE_SCAN=true TRIVY_SKIP_VERSION_CHECK=true TRIVY_DISABLE_TELEMETRY=true)
export "${offline[@]}"

# holds VERSION: an Alpine image with this version of a library; the databases list the first one as vulnerable.
VULNERABLE=1.2.3-r0 FIXED=1.2.4-r0
holds() {
    mkdir -p root/etc root/lib/apk/db
    echo 3.20.3 >root/etc/alpine-release
    printf 'ID=alpine\nVERSION_ID=3.20.3\n' >root/etc/os-release
    printf 'P:app-library\nV:%s\nA:x86_64\no:app-library\nL:MIT\n\n' "$1" >root/lib/apk/db/installed
    printf 'FROM scratch\nCOPY root /\n' >Dockerfile
}

# stops IMAGE ID: the command fails and names the vulnerability.
stops() {
    refused "guide $2" CVE-2026-0001 bash -c "$(guide "$1" "$2")"
}

for image in "$ECR/octo-org/scanned/app:1.2.3" "$ACR/octo-org/scanned/app:1.2.3" "$GAR/octo-org/scanned/app:1.2.3" \
    "$GHCR/octo-org/scanned/app:1.2.3" "$CORP/octo-org/scanned/app:1.2.3" "$TOKENS/octo-org/scanned/app:1.2.3" \
    "$HUB/dockerhub/scanned:1.2.3" "$GITLAB/group1/project2/scanned:1.2.3"; do
    case $image in
    "$CORP"/*) credmint login --username corp --password-stdin "$CORP" <<<secret >"$SAID" 2>&1 ;;
    "$TOKENS"/*) credmint login --username hub --password-stdin "$TOKENS" <<<sesame >"$SAID" 2>&1 ;;
    "$HUB"/*) credmint login --username dockerhub --password-stdin docker.io <<<dckr_pat >"$SAID" 2>&1 ;;
    "$GITLAB"/*) credmint login --username alice --password-stdin "$GITLAB" <<<glpat-pretend >"$SAID" 2>&1 ;;
    esac
    guided "$image" set-up.configure 's/^credmint configure/& --yes/'
    holds $VULNERABLE
    guided "$image" build.single
    stops "$image" scan.trivy
    stops "$image" scan.grype
    [[ $image != "$GHCR"/* ]] || guided "$image" scan.sarif
    holds $FIXED
    guided "$image" build.single
    guided "$image" scan.trivy
    guided "$image" scan.grype
done
same "what GitHub is told" "$(jq --raw-output '.runs[].results[].ruleId' trivy.sarif)" CVE-2026-0001

for scanner in trivy grype; do
    image=$ECR/octo-org/scanned/$scanner:1
    holds $VULNERABLE
    guided "$image" scan.build
    stops "$image" "scan.$scanner-local"
    refused "it was not pushed" 'NAME_UNKNOWN|MANIFEST_UNKNOWN' crane digest "$image"
    holds $FIXED
    guided "$image" scan.build
    case $scanner in
    trivy) guided "$image" scan.trivy-local ;;
    grype) guided "$image" scan.grype-local ;;
    esac
    works "it was pushed" crane digest "$image"
    # The pushed image counts, not the local one that has its name by now.
    holds $VULNERABLE
    guided "$image" scan.build
    works "what is in the registry passes" bash -c "$(guide "$image" "scan.$scanner")"
done

# The pipelines' scanner, under its name on Docker Hub.
mkdir -p scanner/tmp
cp "$scanners/trivy" scanner/
cp -r "$scanners/trivy-db" scanner/cache
printf 'FROM scratch\nCOPY trivy /\nCOPY cache /cache\nCOPY tmp /tmp\nENV TRIVY_CACHE_DIR=/cache %s\nENTRYPOINT ["/trivy"]\n' "${offline[*]}" >scanner/Dockerfile
for ci in github azure gitlab; do
    pipeline=$(guide "$ECR/octo-org/scanned/app:1" "ci.$([ $ci = github ] && echo workflow || echo pipeline)" --ci $ci)
    # The pipeline's lines from the build to the scan, without the list syntax.
    sed -n '/--output type=docker/,/docker start/s/^ *\(- \)\{0,1\}//p' <<<"$pipeline" | sed "s|/tmp/|$HOME/|g" >scan.sh
    same "the scan of $ci" "$(wc -l <scan.sh)" 4
    if [ $ci = github ]; then
        name=$(sed -n 's/.*docker create \([^ ]*\).*/\1/p' scan.sh)
        works "Docker Hub has $name" docker buildx build --quiet --provenance=false --push --tag "127.0.0.1:5005/$name" scanner
    fi
    holds $VULNERABLE
    refused "the pipeline of $ci stops" CVE-2026-0001 bash -euo pipefail scan.sh
    holds $FIXED
    works "the pipeline of $ci goes on" bash -euo pipefail scan.sh
done
