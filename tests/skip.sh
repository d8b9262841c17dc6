# shellcheck shell=bash
# Sourced by the scripts that may skip something: the only way to report it, as tests/testing is
# for Rust.

MAY_BE_SKIPPED=$(dirname "${BASH_SOURCE[0]}")/may-be-skipped

# skipped NAME WHY: reports it; fails if everything must run (CREDMINT_TESTS=all) and the list does not
# have it.
skipped() {
    echo "skipped: $1: $2"
    [ "${CREDMINT_TESTS:-}" = all ] || return 0
    awk -v name="$1: " 'index($0, name) == 1 { found = 1 } END { exit !found }' "$MAY_BE_SKIPPED" && return
    echo "failed: $1 is not in tests/may-be-skipped"
    return 1
}
