# compose: pull, build and push of services from several clouds.
# wirings: helpers store
need docker-compose
wire "$ECR" "$ACR" "$GAR" "$GHCR"
printf 'FROM %s/%s:1\nCOPY Dockerfile /\n' "$GHCR" "$APP" >Dockerfile
cat >compose.yaml <<END
name: case
services:
  one: {image: "$ECR/$APP:1"}
  two: {image: "$GAR/$APP:1"}
  four: {image: "$ACR/$APP:1"}
  three: {image: "$GHCR/octo-org/team/composed:$WIRING", build: .}
END
works "compose pull" docker compose pull --ignore-buildable
docker image inspect "$ECR/$APP:1" "$ACR/$APP:1" "$GAR/$APP:1" >/dev/null || fail "the images are not there"
works "compose build" docker compose build --pull
works "compose push" docker compose push three
works "the image is there" docker manifest inspect "$GHCR/octo-org/team/composed:$WIRING"
forget "$ECR/$APP:1" "$ACR/$APP:1" "$GAR/$APP:1"
works "compose build --push" docker compose build --push
