# The real Bazel, in its own root file system (tests/clients/bazel): a layer of an image by `http_file`, with
# credentials from `credmint bazel`.
# slow: 400
root=$CLIENTS/../../target/bazel
[ -x "$root/usr/bin/bazel" ] || { echo "skipped: there is no bazel: tests/clients/bazel target/bazel"; exit 77; }
root=$(realpath "$root")
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
mount -t tmpfs tmp "$root/tmp"
mkdir -p "$root/$SANDBOX"
mount --rbind "$SANDBOX" "$root/$SANDBOX"
touch "$root/etc/hosts"
mount --bind /etc/hosts "$root/etc/hosts"
java=$(basename "$(realpath "$root/usr/lib/jvm/default-java")")
inside() {
    chroot "$root" env --chdir "$HOME/work" SSL_CERT_FILE="$SANDBOX/clouds/ca.pem" JAVA_HOME="/usr/lib/jvm/$java" \
        LD_LIBRARY_PATH=/usr/lib/x86_64-linux-gnu PATH="$SANDBOX/programs:/usr/lib/jvm/$java/bin:/usr/bin:/bin" "$@"
}

works "Java trusts the sandbox" inside keytool -importcert -noprompt -alias sandbox -storepass changeit \
    -keystore "$HOME/trust" -file "$SANDBOX/clouds/ca.pem"
printf '#!/bin/sh\nexec credmint bazel "$@"\n' >helper
chmod +x helper
echo 'load("@bazel_tools//tools/build_defs/repo:http.bzl", "http_file")' >WORKSPACE
# The other pretend registries require tokens of a token server for blobs, and Bazel does not request such tokens.
wire "$ECR"
digest=$(crane manifest --platform linux/amd64 "$ECR/$APP:1" | jq --raw-output '.layers[0].digest')
printf 'http_file(name = "layer", sha256 = "%s", urls = ["https://%s/v2/%s/blobs/%s"])\n' \
    "${digest#sha256:}" "$ECR" "$APP" "$digest" >>WORKSPACE
bazel() {
    inside bazel --batch --output_user_root="$HOME/bazel" --host_jvm_args=-Djavax.net.ssl.trustStore="$HOME/trust" \
        --host_jvm_args=-Djavax.net.ssl.trustStorePassword=changeit "$@" --noenable_bzlmod --enable_workspace
}
refused "no layer without a helper" '401|Unauthorized|denied' bazel query '@layer//file:*'
says "a layer" downloaded bazel query '@layer//file:*' --credential_helper="$ECR=$HOME/work/helper"
