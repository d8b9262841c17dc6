# shellcheck shell=bash
# Steps of tests/run, in sequence or in parallel: the output of each, its wall and processor time, and
# the tests that passed, failed and were skipped. Sourced.

STEPS=$PWD/target/steps
# Jobs have their own process groups, so that they can be ended with all their processes.
set -m
trap end_jobs EXIT
trap 'exit 130' INT TERM

declare -A step_job
step_names=()

end_jobs() {
    local job
    for job in $(jobs -p); do kill -- "-$job" 2>/dev/null || true; done
}

open_steps() {
    rm -rf "$STEPS"
    mkdir -p "$STEPS"
}

# step NAME COMMAND...: runs it, and shows its output.
step() {
    local name=$1
    echo "== $name"
    step_names+=("$name")
    shift
    { measured "$name" "$@" 2>&1 | tee "$STEPS/$name.log"; } </dev/null &
    step_job[$name]=$!
    ended "$name"
}

# begin NAME COMMAND...: runs it in parallel, until `finish NAME` waits for it and shows its output.
begin() {
    local name=$1
    step_names+=("$name")
    shift
    measured "$name" "$@" >"$STEPS/$name.log" 2>&1 </dev/null &
    step_job[$name]=$!
}

finish() {
    echo "== $1"
    wait "${step_job[$1]}" || true
    cat "$STEPS/$1.log"
    ended "$1"
}

# In a subshell, which finally records its wall and processor time.
measured() (
    name=$1
    # shellcheck disable=SC2034 # In the trap.
    began=$SECONDS
    shift
    trap 'took $((SECONDS - began)) >"$STEPS/$name.time"' EXIT
    "$@"
)

# took SECONDS: these, and the processor time of this shell and its children.
took() {
    times >"$STEPS/times.$BASHPID"
    awk -v wall="$1" '{ for (n = 1; n <= 2; n++) { split($n, part, /[ms]/); all += part[1] * 60 + part[2] } }
        END { printf "%d %.0f\n", wall, all }' "$STEPS/times.$BASHPID"
    rm "$STEPS/times.$BASHPID"
}

ended() {
    local name=$1 status=0 wall cpu
    wait "${step_job[$name]}" || status=$?
    unset "step_job[$name]"
    read -r wall cpu <"$STEPS/$name.time"
    if [ $status != 0 ]; then
        # A failed step without a failed test counts as one.
        grep -qE '^failed: |[1-9][0-9]* failed' "$STEPS/$name.log" || echo "failed: $name" >>"$STEPS/$name.log"
        echo "== $name: failed after $wall s ($cpu s of CPU)"
        closing
        exit 1
    fi
    echo "== $name: $wall s ($cpu s of CPU)"
}

# The summary: the times by step, the skipped tests, and the sums.
closing() {
    local name wall cpu
    echo "== times"
    for name in "${step_names[@]}"; do
        [ -s "$STEPS/$name.time" ] || continue
        read -r wall cpu <"$STEPS/$name.time"
        printf '%-32s %5d s %6d s of CPU\n' "$name" "$wall" "$cpu"
    done
    echo "== done in $SECONDS s"
    # A test harness may have begun the line.
    if cat "$STEPS"/*.log | grep -o 'skipped: [^:]*: .*' | sort -u | grep .; then
        echo "(the above was skipped; tests/may-be-skipped says what may be, and why)"
    else
        echo "nothing was skipped"
    fi
    flaky
    counted
}

# The tests that failed and passed when they ran again, as nextest and tests/clients/run report them.
flaky() {
    cat "$STEPS"/*.log | sed -n 's/\x1b\[[0-9;]*m//g; s/^ *FLAKY [^]]*\] *\(([^)]*)\)\? */flaky: /p; /^flaky: /p' | sort -u
}

# N passed, N failed, N skipped: of every test harness, of fuzz targets and clients, and the steps without any.
counted() {
    cat "$STEPS"/*.log | sed 's/\x1b\[[0-9;]*m//g' | awk '
        /^test result: / { passed += $4; failed += $6 }
        /^ *Summary \[/ {
            for (n = 2; n <= NF; n++) {
                if ($n ~ /^passed/) passed += $(n - 1)
                if ($n ~ /^failed/) failed += $(n - 1)
            }
        }
        /^ok: / { passed++ }
        /^failed: / { failed++ }
        match($0, /skipped: [^:]*: /) && !seen[substr($0, RSTART)]++ { skipped++ }
        END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped }'
}
