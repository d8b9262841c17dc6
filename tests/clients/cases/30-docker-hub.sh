# Docker Hub through a mirror in daemon.json; pushes go to Docker Hub itself.
# wirings: store
wire
mirrored() {
    find "$SANDBOX/registries/mirror/docker/registry/v2/repositories/$1" -type d -name _manifests 2>/dev/null | grep -q .
}
for engine in containerd classic; do
    export DOCKER_HOST=unix://$SANDBOX/$engine.sock
    works "pull of an official image without a login ($engine)" docker pull app:1
    forget app:1
done
mirrored library/app || fail "the mirror has not been asked"
refused "a wrong login" 'unauthorized|incorrect' docker login --username dockerhub --password-stdin <<<wrong
works "login at Docker Hub" docker login --username dockerhub --password-stdin <<<dckr_pat
for engine in containerd classic; do
    export DOCKER_HOST=unix://$SANDBOX/$engine.sock
    works "pull of a private image by the mirror ($engine)" docker pull "$APP:1"
    docker tag "$APP:1" "dockerhub/app:$engine"
    works "push to Docker Hub ($engine)" docker push "dockerhub/app:$engine"
    forget "$APP:1" "dockerhub/app:$engine"
done
printf 'FROM app:1\nCOPY Dockerfile /\n' >Dockerfile
works "build from an official image" docker build --pull --no-cache --tag dockerhub/app:built --push .
says "crane ls" built crane ls dockerhub/app
says "imagetools inspect" MediaType docker buildx imagetools inspect dockerhub/app:built
says "status names the login" docker.io credmint status
works "mirroring from Docker Hub to a cloud" crane copy app:1 "$ECR/octo-org/library/app:1"
works "logout" docker logout
refused "push after the logout" 'denied|authorization failed|access' docker push dockerhub/app:built
