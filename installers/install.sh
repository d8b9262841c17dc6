#!/bin/sh
# Installs credmint, for you or for everyone, from a release or from source.
#
# usage: install.sh [--from PLACE] [--prefix DIR | --system] [--source] [--uninstall] [--keep-config]
#   --from PLACE   a folder or a URL with the release's archives and its SHA256SUMS;
#                  otherwise $CREDMINT_RELEASES, or where this script was published
#   --prefix DIR   install below DIR; otherwise ~/.local
#   --system       install below /usr/local
#   --source       build it from the checkout that this script lies in
#   --uninstall    take it away again, and out of Docker's config first
#   --keep-config  leave Docker's config as it is when uninstalling
# It needs no root unless the prefix does, and changes nothing before the archive's checksum is right.
set -eu

published=@RELEASES@
from=${CREDMINT_RELEASES:-}
prefix=${HOME:-}
prefix=${prefix%/}/.local
action=install
keep_config=

fail() {
    echo "install.sh: $1" >&2
    [ -z "${2:-}" ] || echo "  $2" >&2
    exit 1
}

while [ $# -gt 0 ]; do
    case $1 in
    --from | --prefix)
        [ $# -gt 1 ] || fail "$1 wants a value"
        if [ "$1" = --from ]; then from=$2; else prefix=$2; fi
        shift
        ;;
    --system) prefix=/usr/local ;;
    --source) action=source ;;
    --uninstall) action=uninstall ;;
    --keep-config) keep_config=1 ;;
    -h | --help)
        sed -n '2,/^set -eu/s/^# \{0,1\}//p' "$0"
        exit
        ;;
    *) fail "what is $1?" "install.sh --help" ;;
    esac
    shift
done
case $prefix in
/*) ;;
*) prefix=$PWD/$prefix ;;
esac
list=$prefix/share/credmint/installed

# The files of an earlier installation, by their names below the prefix.
installed() {
    [ ! -f "$list" ] || cat "$list"
}

uninstall() {
    [ -f "$list" ] || fail "nothing was installed below $prefix by this script" "was it another --prefix?"
    if [ -z "$keep_config" ] && [ -x "$prefix/bin/credmint" ]; then
        # A config that names helpers which are gone would stop every pull.
        "$prefix/bin/credmint" unconfigure || true
    fi
    installed | while IFS= read -r file; do
        rm -f "$prefix/$file"
        folder=${file%/*}
        while [ "$folder" != "${folder%/*}" ] && rmdir "$prefix/$folder" 2>/dev/null; do folder=${folder%/*}; done
    done
    rm -f "$list"
    rmdir "${list%/*}" "$prefix/share" "$prefix/bin" 2>/dev/null || true
    echo "credmint is gone from $prefix; logins and tokens stay in the keychain"
}

target() {
    case $(uname -s)/$(uname -m) in
    Linux/x86_64 | Linux/amd64) echo x86_64-unknown-linux-musl ;;
    Linux/aarch64 | Linux/arm64) echo aarch64-unknown-linux-musl ;;
    Darwin/x86_64) echo x86_64-apple-darwin ;;
    Darwin/arm64) echo aarch64-apple-darwin ;;
    *) fail "there are no programs for $(uname -s) on $(uname -m)" "build them: install.sh --source" ;;
    esac
}

# fetch NAME FILE: from the release into a file.
fetch() {
    case $from in
    http://* | https://*)
        if command -v curl >/dev/null; then
            curl --fail --silent --show-error --location --retry 3 --output "$2" "$from/$1"
        elif command -v wget >/dev/null; then
            wget -q -O "$2" "$from/$1"
        else
            fail "neither curl nor wget is there" "install one of them"
        fi || fail "$from/$1 cannot be fetched" "check the address and the network"
        ;;
    *) cp "${from#file://}/$1" "$2" 2>/dev/null || fail "there is no $1 in $from" ;;
    esac
}

checksum() {
    if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}

# Puts the tree of a release into $stage/tree.
unpack() {
    if [ -z "$from" ]; then
        case $published in
        @*) fail "no release is named" "set CREDMINT_RELEASES or add --from; or build it: --source" ;;
        *) from=$published ;;
        esac
    fi
    from=${from%/}
    fetch SHA256SUMS "$stage/SHA256SUMS"
    target=$(target)
    archive=$(sed -n "s/^[0-9a-f]*  \(credmint-[^/]*-$target\.tar\.gz\)$/\1/p" "$stage/SHA256SUMS")
    case $archive in
    '') fail "the release in $from has nothing for $target" "build it: install.sh --source" ;;
    *"
"*) fail "the release in $from has several versions for $target" ;;
    esac
    fetch "$archive" "$stage/$archive"
    if [ "$(checksum "$stage/$archive")" != "$(sed -n "s/^\([0-9a-f]\{64\}\)  $archive\$/\1/p" "$stage/SHA256SUMS")" ]; then
        fail "$archive is not what SHA256SUMS says" "fetch it again; if that does not help, tell who published it"
    fi
    tar -xzf "$stage/$archive" -C "$stage"
    mv "$stage/${archive%.tar.gz}" "$stage/tree"
}

from_source() {
    checkout=$(cd "$(dirname "$0")/.." && pwd)
    [ -f "$checkout/Cargo.toml" ] || fail "this script does not lie in a checkout" "install.sh --from PLACE"
    command -v cargo >/dev/null || fail "cargo is not there" "https://rustup.rs"
    (cd "$checkout" && cargo build --release --locked)
    "$checkout/installers/stage" "${CARGO_TARGET_DIR:-$checkout/target}/release" "$stage/tree"
}

install() {
    mkdir -p "$prefix/bin" 2>/dev/null || fail "$prefix cannot be written" "add --prefix DIR, or run it as root"
    # Beside the place where the files go, so that each arrives by being renamed, as a whole.
    stage=$(mktemp -d "$prefix/.credmint-XXXXXX") || fail "$prefix cannot be written" "add --prefix DIR"
    trap 'rm -rf "$stage"' EXIT
    trap 'exit 1' HUP INT TERM
    if [ "$action" = source ]; then from_source; else unpack; fi
    version=$("$stage/tree/bin/credmint" --version) || fail "these programs do not run on this machine"

    (cd "$stage/tree" && find bin share -type f | LC_ALL=C sort) >"$stage/list"
    # What mints goes first: a helper of the new version never meets a minter of the old one.
    { grep -x 'bin/credmint-mint' "$stage/list"; grep -vx 'bin/credmint-mint' "$stage/list"; } |
        while IFS= read -r file; do
            mkdir -p "$prefix/${file%/*}"
            mv -f "$stage/tree/$file" "$prefix/$file"
        done
    installed | while IFS= read -r file; do
        grep -Fxq "$file" "$stage/list" || rm -f "$prefix/$file"
    done
    mkdir -p "${list%/*}"
    mv -f "$stage/list" "$list"

    echo "$version is installed in $prefix/bin"
    case :$PATH: in
    *:"$prefix/bin":*) echo "next: credmint configure" ;;
    *)
        echo "next, so that Docker finds it:"
        # shellcheck disable=SC2016 # It is for the user's shell.
        printf '  export PATH="%s:$PATH"   # in ~/.profile, to keep it\n' "$prefix/bin"
        echo "  credmint configure"
        ;;
    esac
}

case $action in
uninstall) uninstall ;;
*) install ;;
esac
