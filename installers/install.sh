#!/bin/sh
# Installs credmint, for you or for everyone, from a release or from source.
#
# usage: install.sh [--from PLACE] [--prefix DIR | --system] [--source] [--uninstall] [--keep-config]
#   --from PLACE   a directory or URL with the release's archives and SHA256SUMS
#                  [default: $CREDMINT_RELEASES, or where this script was published]
#   --prefix DIR   install in DIR [default: ~/.local]
#   --system       install in /usr/local
#   --source       build from the checkout that contains this script
#   --uninstall    remove credmint, from Docker's config first
#   --keep-config  do not change Docker's config when uninstalling
# Needs root only if the prefix does, and changes nothing before the checksum is verified. If cosign is
# installed, the signature of a published release's SHA256SUMS is verified too.
set -eu

published=@RELEASES@
project=@PROJECT@
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
        [ $# -gt 1 ] || fail "$1 requires a value"
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
    *) fail "unknown option $1" "run \`install.sh --help\`" ;;
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
    [ -f "$list" ] || fail "this script installed nothing in $prefix" "pass the --prefix that was used to install"
    if [ -z "$keep_config" ] && [ -x "$prefix/bin/credmint" ]; then
        # A config that names missing helpers would stop every pull.
        "$prefix/bin/credmint" unconfigure || true
    fi
    installed | while IFS= read -r file; do
        rm -f "$prefix/$file"
        folder=${file%/*}
        while [ "$folder" != "${folder%/*}" ] && rmdir "$prefix/$folder" 2>/dev/null; do folder=${folder%/*}; done
    done
    rm -f "$list"
    rmdir "${list%/*}" "$prefix/share" "$prefix/bin" 2>/dev/null || true
    echo "removed credmint from $prefix; logins and tokens stay in the keychain"
}

# A 64-bit kernel runs static 64-bit programs, even with a 32-bit system, so only the kernel matters.
target() {
    case $(uname -s)/$(uname -m) in
    Linux/x86_64 | Linux/amd64) echo x86_64-unknown-linux-musl ;;
    Linux/aarch64 | Linux/arm64) echo aarch64-unknown-linux-musl ;;
    # armv8l is such a processor, as seen by a 32-bit process.
    Linux/armv7l | Linux/armv8l) echo armv7-unknown-linux-gnueabihf ;;
    Linux/riscv64) echo riscv64gc-unknown-linux-gnu ;;
    Linux/ppc64le) echo powerpc64le-unknown-linux-gnu ;;
    Linux/s390x) echo s390x-unknown-linux-gnu ;;
    Darwin/x86_64) echo x86_64-apple-darwin ;;
    Darwin/arm64) echo aarch64-apple-darwin ;;
    MINGW*/* | MSYS*/* | CYGWIN*/*) fail "on Windows, use install.ps1" "run \`powershell -ExecutionPolicy Bypass -File install.ps1\`" ;;
    *) fail "no programs for $(uname -s) on $(uname -m)" "to build them, run \`install.sh --source\`" ;;
    esac
}

# fetch NAME FILE: from the release into a file.
fetch() {
    case $from in
    http://*) fail "$from is not encrypted: the download could be tampered with" "pass an https:// address" ;;
    https://*)
        if command -v curl >/dev/null; then
            curl --proto '=https' --fail --silent --show-error --location --retry 3 --output "$2" "$from/$1"
        elif command -v wget >/dev/null; then
            wget -q -O "$2" "$from/$1"
        else
            fail "neither curl nor wget found" "install one of them"
        fi || fail "cannot download $from/$1" "check the address and the network"
        ;;
    *) cp "${from#file://}/$1" "$2" 2>/dev/null || fail "no $1 in $from" ;;
    esac
}

checksum() {
    if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}

# The archives that can be unpacked here, the smaller first; BSD's tar has xz built in.
kinds() {
    if command -v xz >/dev/null || tar --version 2>/dev/null | grep -q bsdtar; then echo tar.xz; fi
    echo tar.gz
}

# open FILE: unpacks an archive in its folder.
open() {
    case $1 in
    *.xz) if command -v xz >/dev/null; then xz -dc "$1" | tar -xf - -C "$stage"; else tar -xf "$1" -C "$stage"; fi ;;
    *) tar -xzf "$1" -C "$stage" ;;
    esac
}

# A published release is signed by its project's release workflow, keyless:
# https://docs.sigstore.dev/cosign/verifying/verify/
verify() {
    case $project in @*) return ;; esac
    command -v cosign >/dev/null || return 0
    fetch SHA256SUMS.sigstore.json "$stage/SHA256SUMS.sigstore.json"
    workflow=$(printf %s "$project/.github/workflows/release.yml" | sed 's/[.]/[.]/g')
    cosign verify-blob --bundle "$stage/SHA256SUMS.sigstore.json" \
        --certificate-oidc-issuer https://token.actions.githubusercontent.com \
        --certificate-identity-regexp "^$workflow@refs/tags/v" \
        "$stage/SHA256SUMS" >"$stage/cosign" 2>&1 ||
        fail "cannot verify the signature of SHA256SUMS in $from: $(tail -n 1 "$stage/cosign")" \
            "check the network and run this again; if it still fails, report it to the publisher"
}

# Puts the tree of a release into $stage/tree.
unpack() {
    if [ -z "$from" ]; then
        case $published in
        @*) fail "no release given" "pass --from or set CREDMINT_RELEASES, or pass --source to build it" ;;
        *) from=$published ;;
        esac
    fi
    from=${from%/}
    fetch SHA256SUMS "$stage/SHA256SUMS"
    verify
    target=$(target)
    case $target in
    *-gnu*) needs="they require glibc 2.28 or later; to build them, run \`install.sh --source\`" ;;
    esac
    for kind in $(kinds); do
        archive=$(sed -n "s/^[0-9a-f]*  \(credmint-[^/]*-$target\.$kind\)$/\1/p" "$stage/SHA256SUMS")
        [ -z "$archive" ] || break
    done
    case $archive in
    '') fail "the release in $from has no archive for $target" "to build it, run \`install.sh --source\`" ;;
    *"
"*) fail "the release in $from has several versions for $target" ;;
    esac
    fetch "$archive" "$stage/$archive"
    if [ "$(checksum "$stage/$archive")" != "$(sed -n "s/^\([0-9a-f]\{64\}\)  $archive\$/\1/p" "$stage/SHA256SUMS")" ]; then
        fail "checksum mismatch: $archive does not match SHA256SUMS" "run this again; if it still fails, report it to the publisher"
    fi
    open "$stage/$archive" || fail "cannot unpack $archive" "check the free disk space in $prefix"
    mv "$stage/${archive%."$kind"}" "$stage/tree"
}

from_source() {
    checkout=$(cd "$(dirname "$0")/.." && pwd)
    [ -f "$checkout/Cargo.toml" ] || fail "this script is not in a checkout" "run \`install.sh --from PLACE\`"
    command -v cargo >/dev/null || fail "cargo not found" "install Rust: https://rustup.rs"
    (cd "$checkout" && cargo build --release --locked)
    "$checkout/installers/stage" "${CARGO_TARGET_DIR:-$checkout/target}/release" "$stage/tree"
}

install() {
    mkdir -p "$prefix/bin" 2>/dev/null || fail "cannot write to $prefix" "pass --prefix DIR, or run this as root"
    # In the folder of the files, so that each is installed by an atomic rename.
    stage=$(mktemp -d "$prefix/.credmint-XXXXXX") || fail "cannot write to $prefix" "pass --prefix DIR"
    trap 'rm -rf "$stage"' EXIT
    trap 'exit 1' HUP INT TERM
    if [ "$action" = source ]; then from_source; else unpack; fi
    version=$("$stage/tree/bin/credmint" --version) || fail "the programs do not run on this machine" "${needs:-}"

    (cd "$stage/tree" && find bin share -type f | LC_ALL=C sort) >"$stage/list"
    # An existing file that is not of an earlier installation belongs to something else.
    while IFS= read -r file; do
        if [ -e "$prefix/$file" ] && ! installed | grep -Fxq "$file"; then
            fail "$prefix/$file was not installed by this script" "move it away, or pass --prefix DIR"
        fi
    done <"$stage/list"
    # Before the first file is installed, so that an interrupted installation can be repeated or removed.
    mkdir -p "${list%/*}"
    installed >"$stage/earlier"
    LC_ALL=C sort -u "$stage/earlier" "$stage/list" >"$stage/all"
    mv -f "$stage/all" "$list"
    # The worker first: a new helper must never start an old worker.
    { grep -x 'bin/credmint-mint' "$stage/list"; grep -vx 'bin/credmint-mint' "$stage/list"; } |
        while IFS= read -r file; do
            mkdir -p "$prefix/${file%/*}"
            mv -f "$stage/tree/$file" "$prefix/$file"
        done
    while IFS= read -r file; do
        grep -Fxq "$file" "$stage/list" || rm -f "$prefix/$file"
    done <"$stage/earlier"
    mv -f "$stage/list" "$list"

    echo "installed $version in $prefix/bin"
    case :$PATH: in
    *:"$prefix/bin":*) echo "to set up Docker, run \`credmint configure\`" ;;
    *)
        echo "to set up Docker, run:"
        # shellcheck disable=SC2016 # It is for the user's shell.
        printf '  export PATH="%s:$PATH"   # and add this line to ~/.profile\n' "$prefix/bin"
        echo "  credmint configure"
        ;;
    esac
}

case $action in
uninstall) uninstall ;;
*) install ;;
esac
