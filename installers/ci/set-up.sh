# shellcheck shell=sh
# For a CI job, to be read into its shell: `. ci/set-up.sh`. It installs credmint in a temporary folder, and
# configures Docker to use it.
#
#   CREDMINT_RELEASES    the address of a release's archives, SHA256SUMS and install.sh
#   CREDMINT_SETTINGS    the text of credmint's settings [default: those of the machine]
#   CREDMINT_REGISTRIES  the registries to configure, with spaces between [default: all of them]
credmint_set_up() {
    # A temporary folder: a file at a known path in /tmp may belong to another user.
    credmint_folder=$(mktemp -d) || return
    if command -v curl >/dev/null; then
        curl --fail --silent --show-error --location --output "$credmint_folder/install.sh" "$CREDMINT_RELEASES/install.sh"
    else
        wget -q -O "$credmint_folder/install.sh" "$CREDMINT_RELEASES/install.sh"
    fi || return
    sh "$credmint_folder/install.sh" --prefix "$credmint_folder" || return
    PATH=$credmint_folder/bin:$PATH
    export PATH
    if [ -n "${CREDMINT_SETTINGS:-}" ]; then
        CREDMINT_CONFIG=$credmint_folder/config.toml
        printf '%s\n' "$CREDMINT_SETTINGS" >"$CREDMINT_CONFIG" || return
        export CREDMINT_CONFIG
    fi
    # shellcheck disable=SC2086 # Several registries.
    credmint configure ${CREDMINT_REGISTRIES:---store}
}
credmint_set_up
