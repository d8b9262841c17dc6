# The image that is built here installs its programs on a node, run like the DaemonSet of installers/kubelet.
need docker-buildx
installers=$CLIENTS/../../installers
case $(uname -m) in x86_64) architecture=amd64 ;; aarch64) architecture=arm64 ;; *) architecture=$(uname -m) ;; esac
# The image has no C library.
if ldd "$SANDBOX/programs/credmint" >/dev/null 2>&1; then
    echo "skipped: the programs are not static"
    exit 77
fi

mkdir -p "image/credmint-$architecture/bin"
cp "$SANDBOX"/programs/{credmint,credmint-mint,docker-credential-*} "image/credmint-$architecture/bin/"
cp "$installers/ci/Dockerfile" "$installers/ci/config.json" image/
works "the image is built" docker build --quiet --build-arg TARGETARCH="$architecture" --tag credmint:test image

mapfile -t command < <(sed -n 's/^ *command: //p' "$installers/kubelet/daemonset.yaml" | jq --raw-output '.[]')
same "the DaemonSet runs credmint" "${command[0]}" /bin/credmint
mkdir node
install_on_node() {
    docker run --rm --network none --read-only --user 0 --cap-drop ALL --security-opt no-new-privileges \
        --volume "$PWD/node:/node" --volume "$PWD/config:/config:ro" --entrypoint "${command[0]}" credmint:test "${command[@]:1}"
}
mkdir config
cp "$installers"/kubelet/*-config.yaml config/
works "it installs itself on a node" install_on_node
works "and again, over what is there" install_on_node
works "the configurations are the ones of the folder" diff -r --exclude bin config node
request='{"apiVersion":"credentialprovider.kubelet.k8s.io/v1","kind":"CredentialProviderRequest","image":"'$ECR/$APP'"}'
mapfile -t names < <(sed -n 's/^  - name: \(credmint.*\)/\1/p' node/*-config.yaml | sort -u)
for name in "${names[@]}"; do
    says "kubelet is answered by $name" '"username": *"AWS"' node/bin/"$name" kubelet <<<"$request"
done
docker rmi credmint:test >/dev/null
