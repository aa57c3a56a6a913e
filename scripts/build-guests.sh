#!/usr/bin/env bash
# Builds the modules of the examples, and the one of the benchmarks, into dist/guests/NAME-LANGUAGE.wasm. Builds only what changed.
#
#   build-guests.sh [rust|go|all]
#
# Environment: WASM_TARGET, for Rust: wasm32-unknown-unknown (the default) or wasm32-wasip1.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
dist=$root/dist/guests
target=${WASM_TARGET:-wasm32-unknown-unknown}

build_rust() {
  local dir name cargo built
  cargo=$("$root/scripts/cargo-wasm.sh" "$target")
  for dir in "$root"/examples/*/rust "$root"/test/bench/guests/*; do
    [[ -f $dir/Cargo.toml ]] || continue
    # In the crate's folder, for its .cargo/config.toml. Paths of this machine do not go into the module.
    (
      cd "$dir"
      $cargo build --quiet --release --target "$target" --target-dir "$root/target/guests" \
        --config "target.$target.rustflags=['--remap-path-prefix=$root=wasmflow']"
    )
    name=$(sed -n 's/^name = "\(.*\)"/\1/p' "$dir/Cargo.toml" | head -1)
    built=$root/target/guests/$target/release/${name//-/_}.wasm
    cmp -s "$built" "$dist/$name-rust.wasm" || cp "$built" "$dist/$name-rust.wasm"
  done
}

build_go() {
  local dir name
  for dir in "$root"/examples/*/go; do
    [[ -f $dir/go.mod ]] || continue
    name=$(basename "$(dirname "$dir")")
    GOOS=wasip1 GOARCH=wasm go -C "$dir" build -buildmode=c-shared -trimpath -o "$dist/$name-go.wasm" .
  done
}

mkdir -p "$dist"
case ${1:-all} in
  rust) build_rust ;;
  go) build_go ;;
  all) build_rust; build_go ;;
  *) echo "usage: build-guests.sh [rust|go|all]" >&2; exit 2 ;;
esac
