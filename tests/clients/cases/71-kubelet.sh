# The real kubelet (tests/clients/kubelet), without a cluster: pods from a folder, whose images containerd
# pulls with the credentials of the installed `credmint kubelet`.
# slow: 300
kubelet=$CLIENTS/../../target/kubelet/kubelet
[ -x "$kubelet" ] || { echo "skipped: there is no kubelet: tests/clients/kubelet target/kubelet"; exit 77; }
need containerd ctr containerd-shim-runc-v2 curl
[[ $(containerd --version) == *' v2.'* || $(containerd --version) == *' 2.'* ]] ||
    { echo "skipped: kubelet 1.36 needs containerd 2"; exit 77; }

# eventually COMMAND...: repeats it until it succeeds, for about a minute.
eventually() {
    local turn
    for ((turn = 0; turn < 240; turn++)); do
        ! "$@" >/dev/null 2>&1 || return 0
        sleep 0.25
    done
    return 1
}

# Images that run, and the pause image of a pod.
cp "$(command -v busybox)" .
printf 'FROM scratch\nCOPY busybox /bin/\nENTRYPOINT ["/bin/busybox", "sleep", "3600"]\n' >Dockerfile
works "an image that runs" docker buildx build --quiet --provenance false --load --tag node.example/pause:1 .
docker save --output pause.tar node.example/pause:1
docker rmi node.example/pause:1 >/dev/null
for place in 5001/octo-org/team/{one,two,three} {5003,5004,5007}/octo-org/team/one 5004/octo-org/public/one; do
    docker buildx build --quiet --provenance false --push --tag "127.0.0.1:$place:1" . >"$SAID" 2>&1 || fail "no image at $place"
done

cat >containerd.toml <<TOML
version = 3
root = "$HOME/containerd"
state = "$HOME/containerd-run"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.nri.v1.nri"]
[grpc]
address = "$HOME/containerd.sock"
[plugins."io.containerd.cri.v1.images"]
snapshotter = "native"
[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "node.example/pause:1"
[[plugins."io.containerd.transfer.v1.local".unpack_config]]
platform = "linux"
snapshotter = "native"
# Without CAP_SYS_RESOURCE, as in a container, no process may be kept from the kernel's OOM killer.
[plugins."io.containerd.cri.v1.runtime"]
restrict_oom_score_adj = true
TOML
containerd --config containerd.toml >"$HOME/containerd.log" 2>&1 &
images() { ctr --address "$HOME/containerd.sock" --namespace k8s.io images "$@"; }
eventually images ls || { cp "$HOME/containerd.log" "$SAID"; fail "containerd does not start"; }
works "the image of the sandbox is there" images import --local --snapshotter native pause.tar

# The node has its own folders for kubelet and its own home of root; kernel settings are not changed.
cat >start <<'SH'
#!/bin/bash
set -euo pipefail
node=$1 configuration=$2
mount -t tmpfs node /var/lib
mount -t tmpfs node /var/log
for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
    kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
    echo "${setting#*=}" >"$node/${setting##*/}"
    mount --bind "$node/${setting##*/}" "/proc/sys/${setting%=*}"
done
mount --bind "$node/home" /root
cd /
unset XDG_RUNTIME_DIR DOCKER_CONFIG
exec "$node/kubelet" --config "$node/kubelet.yaml" --root-dir "$node/root" --cert-dir "$node/pki" --hostname-override node \
    --image-credential-provider-bin-dir="$node/credmint/bin" \
    --image-credential-provider-config="$node/credmint/$configuration"
SH
chmod +x start

# node NAME: sets a node up before kubelet starts, including root's identities.
node() {
    local node=$HOME/$1
    mkdir -p "$node/home/.config" "$node/pods"
    cp -r "$HOME/.config/credmint" "$node/home/.config/"
    [ ! -e "$HOME/.aws" ] || cp -r "$HOME/.aws" "$node/home/"
    credmint kubelet install --to "$node/credmint" >"$SAID" 2>&1 || fail "credmint kubelet install"
    cp "$kubelet" "$node/kubelet"
    cat >"$node/kubelet.yaml" <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
staticPodPath: $node/pods
podLogsDir: $node/logs
volumePluginDir: $node/volume-plugins
containerRuntimeEndpoint: unix://$HOME/containerd.sock
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
address: 127.0.0.1
readOnlyPort: 10255
healthzPort: 0
fileCheckFrequency: 1s
cgroupDriver: cgroupfs
cgroupsPerQOS: false
enforceNodeAllocatable: []
failCgroupV1: false
failSwapOn: false
localStorageCapacityIsolation: false
makeIPTablesUtilChains: false
serializeImagePulls: false
imageGCHighThresholdPercent: 100
evictionHard: {memory.available: 0%, nodefs.available: 0%, nodefs.inodesFree: 0%, imagefs.available: 0%, imagefs.inodesFree: 0%}
YAML
}

# begin NAME CONFIGURATION: starts kubelet on this node.
begin() {
    unshare --mount --propagation private ./start "$HOME/$1" "$2" >"$HOME/$1.log" 2>&1 &
    running=$!
    log=$HOME/$1.log
}

# pod NODE NAME IMAGE...: creates a pod with a container for each image.
pod() {
    local file=$HOME/$1/pods/$2.json image
    for image in "${@:3}"; do
        jq --null-input --arg image "$image" '{name: ($image | gsub("[^a-z0-9]+"; "-") | .[-40:] | ltrimstr("-")), image: $image, imagePullPolicy: "IfNotPresent"}'
    done | jq --slurp --arg name "$2" '{apiVersion: "v1", kind: "Pod", metadata: {name: $name, namespace: "default"},
        spec: {hostNetwork: true, terminationGracePeriodSeconds: 1, containers: .}}' >"$file.new"
    mv "$file.new" "$file"
}

# containers STATE COUNT WHAT: waits until COUNT of the pods' containers are in this state.
containers() {
    if eventually in_state "$1" "$2"; then
        echo "ok: $3"
        return
    fi
    { jq --compact-output '.items[]?.status' "$HOME/pods.json"; tail -n 40 "$log"; } >"$SAID" 2>&1
    fail "$3"
}

in_state() {
    curl --silent --fail --output "$HOME/pods.json" http://127.0.0.1:10255/pods &&
        jq --exit-status "[.items[]?.status.containerStatuses[]? | select($1)] | length == $2" "$HOME/pods.json"
}

# logged WHAT PATTERN: waits for a line in kubelet's log.
logged() {
    grep -m 1 -E -- "$2" "$log" >"$SAID" || { tail -n 40 "$log" >"$SAID"; fail "$1: kubelet's log has no $2"; }
    echo "ok: $1: $(cut -c 1-400 "$SAID")"
}

# leave: ends kubelet, but not its pods.
leave() {
    kill "$running"
    wait "$running" || true
}

private=()
for host in "$ECR" "$ACR" "$GAR" "$GHCR"; do private+=("$host/octo-org/team/one:1"); done
node signed-in
pod signed-in one "${private[@]}"
pod signed-in two "$ECR/octo-org/team/two:1"
begin signed-in credential-provider-config.yaml
containers .state.running 5 "images of all four clouds are pulled and run"
for image in "${private[@]}" "$ECR/octo-org/team/two:1"; do
    says "containerd has it" "$image" images ls
done
same_mints() {
    local call
    for call in "$MINT_ECR" "$MINT_ACR" "$MINT_GAR" "$MINT_GHCR"; do mints "$call" 1 "$1"; done
}
same_mints "one mint, for two pods that are pulled for at once too"
leave
pod signed-in three "$ECR/octo-org/team/three:1"
begin signed-in service-accounts-config.yaml
containers .state.running 6 "one more image, with the other configuration, whose pods have no service account here"
same_mints "what was minted is kept"
leave

for image in "${private[@]}"; do images rm "$image" >/dev/null; done
rm -r "$HOME/.aws"
unset AZURE_TENANT_ID AZURE_CLIENT_ID AZURE_CLIENT_SECRET GOOGLE_APPLICATION_CREDENTIALS GITHUB_APP_ID GITHUB_APP_PRIVATE_KEY_PATH
export AWS_EC2_METADATA_DISABLED=true
node anonymous
pod anonymous private "${private[@]}"
pod anonymous public "$GHCR/octo-org/public/one:1"
begin anonymous credential-provider-config.yaml
containers '.state.waiting.reason | IN("ErrImagePull", "ImagePullBackOff")' 4 "without an identity, what is private is not pulled"
containers .state.running 1 "what is public is"
for cloud in AWS Azure; do
    logged "why not" "exit status 1: credmint: no $cloud credentials found"
done
# Nobody signs in on a node.
logged "what to do on AWS" "no AWS credentials found.*attach an instance profile.*or set the variables.*CredentialProviderConfig"
logged "what to do on Azure" "no Azure credentials found.*give this node a managed identity"
if grep -E "aws sso login|az login" "$log" >"$SAID"; then fail "the remedies are a user's"; fi
if grep -E "plugin credmint for image ($GAR|$GHCR)" "$log" >"$SAID"; then fail "hosts that serve the public are to stay quiet"; fi
same_mints "and nothing is minted"

# Pods end when their files are removed, and leave no control groups.
rm "$HOME"/anonymous/pods/*
all_ended() { [ -z "$(ctr --address "$HOME/containerd.sock" --namespace k8s.io tasks ls --quiet)" ]; }
eventually all_ended || fail "pods do not end"
leave
