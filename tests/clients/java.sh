# shellcheck shell=bash
# The Java clients of the matrix, for the files that source this after matrix.sh.
need java keytool
brought java/classes

keytool -importcert -noprompt -alias sandbox -file "$SANDBOX/clouds/ca.pem" -keystore "$HOME/trust" -storepass changeit \
    >"$SAID" 2>&1 || fail "Java's trust"

# on_java CLASS IMAGE...
on_java() {
    java -XX:-UsePerfData -Xmx512m -XX:TieredStopAtLevel=1 -Duser.home="$HOME" -Djava.io.tmpdir="$HOME" \
        -Djavax.net.ssl.trustStore="$HOME/trust" -Djavax.net.ssl.trustStorePassword=changeit -cp "$BROUGHT/java/classes:$BROUGHT/java/lib/*" "$@"
}
