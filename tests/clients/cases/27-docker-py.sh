# docker-py: a client of the engine that reads Docker's configuration by itself.
# wirings: helpers store
python=
for candidate in /usr/bin/python3 python3; do
    if "$candidate" -c 'import docker' 2>/dev/null; then python=$candidate; fi
done
[ -n "$python" ] || { echo "skipped: there is no docker for python3"; exit 77; }
hosts=("$ECR" "$ECR_OTHER" "$ACR" "$GAR" "$GHCR")
wire "${hosts[@]}"
cat >case.py <<'END'
import sys
import docker
client = docker.from_env()
for host in sys.argv[2:]:
    image = client.images.pull(f"{host}/octo-org/team/app", tag="1")
    name = f"{host}/octo-org/team/docker-py"
    image.tag(name, tag=sys.argv[1])
    for line in client.images.push(name, tag=sys.argv[1], stream=True, decode=True):
        if "error" in line:
            sys.exit(f"{host}: {line['error']}")
    for tag in (f"{host}/octo-org/team/app:1", f"{name}:{sys.argv[1]}"):
        client.images.remove(tag)
END
for engine in containerd classic; do
    works "pull and push ($engine)" env DOCKER_HOST="unix://$SANDBOX/$engine.sock" "$python" case.py "$WIRING" "${hosts[@]}"
done
mints "$MINT_ECR" 2 "one mint an account"
