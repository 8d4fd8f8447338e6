#!/bin/sh
# The fuzz targets on stable Rust, the same runs every time: first without libFuzzer, then, where there is a C++ compiler,
# with it. Each target must hold on its seeds and on RUNS inputs made from them, and must fail on its canary when a
# bug is planted (`--features canary`).
set -eu
cd "$(dirname "$0")"

CARGO=${CARGO:-cargo}
RUNS=${RUNS:-2000}
SEED=1
TARGETS='codecs trace_ops validator_vs_reference'
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"
# Crashes must not be turned into long reports of where they are.
export RUST_BACKTRACE=0
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS
HOST=$(${RUSTC:-rustc} -vV | sed -n 's/^host: //p')

mkdir -p artifacts
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

fail() {
	echo "fuzz smoke: $*" >&2
	exit 1
}

# Traces as bytes are the same for both.
seeds_of() {
	case $1 in
	codecs) echo seeds/codecs ;;
	*) echo seeds/trace_ops ;;
	esac
}

build() {
	# shellcheck disable=SC2086
	"$CARGO" build --quiet --release ${CARGO_FLAGS:-} "$@"
}

# ---- without libFuzzer -------------------------------------------------------------------------------------

build --no-default-features --example smoke
for target in $TARGETS; do
	"$CARGO_TARGET_DIR/release/examples/smoke" "$target" "$RUNS" $SEED "$(seeds_of "$target")" "canaries/$target" ||
		fail "$target: see above"
done

build --no-default-features --features canary --example smoke
for target in $TARGETS; do
	if (cd "$work" && "$CARGO_TARGET_DIR/release/examples/smoke" "$target" 0 $SEED "$OLDPWD/canaries/$target") >"$work/log" 2>&1; then
		fail "$target does not notice the bug that is planted for it"
	fi
done

# ---- with libFuzzer ----------------------------------------------------------------------------------------

engine='without libFuzzer: no C++ compiler'
if "${CXX:-c++}" --version >/dev/null 2>&1; then
	engine='with and without libFuzzer'
	# What cargo-fuzz passes, which needs nightly Rust only for sanitizers. `--target` keeps it away from build scripts.
	coverage='--cfg fuzzing -Cpasses=sancov-module -Ccodegen-units=1'
	for pass in level=4 inline-8bit-counters pc-table trace-compares; do
		coverage="$coverage -Cllvm-args=-sanitizer-coverage-$pass"
	done
	binaries=$CARGO_TARGET_DIR/$HOST/release

	RUSTFLAGS=$coverage build --target "$HOST" --bins
	for target in $TARGETS; do
		mkdir "$work/$target"
		"$binaries/$target" "$work/$target" "$(seeds_of "$target")" -runs="$RUNS" -seed=$SEED -timeout=60 \
			-artifact_prefix="artifacts/$target-" >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "$target: see above"; }
		echo "$target: $(grep '^#.*DONE' "$work/log" | tr '\t' ' ')"
	done

	RUSTFLAGS=$coverage build --target "$HOST" --features canary --bins
	for target in $TARGETS; do
		if "$binaries/$target" "canaries/$target" -artifact_prefix="$work/" >"$work/log" 2>&1; then
			fail "$target under libFuzzer does not notice the bug that is planted for it"
		fi
	done
fi

count=$(echo "$TARGETS" | wc -w | tr -d ' ')
echo "fuzz smoke: $count targets, $RUNS runs each ($engine), 0 crashes, every canary found"
