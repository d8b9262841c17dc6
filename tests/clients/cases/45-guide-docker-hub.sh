# An image on Docker Hub, from its first push to its deletion, with the guide's commands.
# wirings: helpers
# texts: docker-hub
need docker-buildx crane cosign registry curl
. "$CLIENTS/walk.sh"
image=$HUB/dockerhub/walk:1.2.3
echo dckr_pat >token.txt
guided "$image" set-up.configure 's/^credmint configure/& --yes/'
guided "$image" sign-in.server
guided "$image" sign-in.check
# The engine pulls from the sandbox's mirror, so nothing is pulled here.
pushed "$image"
signed "$image"
guided "$image" list.repositories
grep -qx walk "$SAID" || fail "the repository is not listed"
guided "$image" list.api
grep -q 1.2.3-production "$SAID" || fail "the tags are not listed"
guided "$image" clean-up.list
same "the oldest commit is first" "$(sed -n 's/.*\t\(sha-[0-9a-f]*\)$/\1/p' "$SAID" | head -n 1)" "sha-$(git rev-parse --short=12 HEAD~3)"
# shellcheck disable=SC2013 # A tag has no spaces.
for tag in $(sed -n 's/.*\t\(sha-[0-9a-f]*\)$/\1/p' "$SAID" | head -n 3); do
    guided "${image%:*}:$tag" delete.tag
done
# A pull-through cache that gets the login of Docker Hub's token server from credmint.
works "the login of the cache" credmint login auth.docker.io --username dockerhub --password-stdin <token.txt
guided "$image" mirror.cache "s|/var/lib/registry|$HOME/cache|"
guided "$image" mirror.cache-start 's/$/ >cache.log 2>\&1 \&/'
for ((turn = 0; turn < 600; turn++)); do
    ! (: <>/dev/tcp/127.0.0.1/5000) 2>/dev/null || break
    sleep 0.1
done
works "the cache fetches" crane validate --platform linux/amd64 --remote 127.0.0.1:5000/dockerhub/walk:1.2.3
kept "$image" 1 1.2 1.2.3 1.2.3-production production staging "sha-$commit"
guided "$image" sign.verify-key
guided "$image" delete.tag
refused "the tag is gone" 'MANIFEST_UNKNOWN' crane digest "$image"
crane copy "127.0.0.1:5005/$APP:1" 127.0.0.1:5005/ratelimitpreview/test:latest >"$SAID" 2>&1
guided "$image" pull.limit
grep -qi 'ratelimit-remaining: 76' "$SAID" || fail "the limit is not told"
guided "$image" pull.limit-signed-in
grep -qi 'ratelimit-remaining: 76' "$SAID" || fail "the limit is not told"
