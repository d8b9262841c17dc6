#!/bin/sh
# Puts credmint and its configuration where kubelet finds them: $FROM and $CONFIG into $TO.
set -eu
from=${FROM:-/usr/local/bin}
config=${CONFIG:-/config}
to=${TO:-/node}

mkdir -p "$to/bin"
# In one step each, as kubelet may be running them.
for program in credmint-mint docker-credential-credmint credmint; do
    cp "$from/$program" "$to/bin/.$program.new"
    chmod 755 "$to/bin/.$program.new"
    mv -f "$to/bin/.$program.new" "$to/bin/$program"
done
# kubelet wants a name of its own for each of its providers.
for name in credmint-aws credmint-azure credmint-google; do
    ln -sf credmint "$to/bin/$name"
done
for file in "$config"/*.yaml; do
    name=$(basename "$file")
    cp "$file" "$to/.$name.new"
    chmod 644 "$to/.$name.new"
    mv -f "$to/.$name.new" "$to/$name"
done
