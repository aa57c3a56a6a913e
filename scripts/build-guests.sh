#!/usr/bin/env bash
# Builds the modules of the examples and of the test suites into dist/guests/NAME-LANGUAGE.wasm. Builds only what changed.
#
#   build-guests.sh [rust|go|all]
#
# Environment: WASM_TARGET, for Rust: wasm32-unknown-unknown (the default) or wasm32-wasip1.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
dist=$root/dist/guests
target=${WASM_TARGET:-wasm32-unknown-unknown}

# Puts a module that has changed into its place, in one step: whoever reads it meanwhile sees the old one or the new one.
place() {
  if cmp -s "$1" "$2"; then return; fi
  cp "$1" "$2.new"
  mv "$2.new" "$2"
}

build_rust() {
  local dir name cargo built
  cargo=$("$root/scripts/cargo-wasm.sh" "$target")
  for dir in "$root"/examples/*/rust "$root"/test/*/guests/*; do
    [[ -f $dir/Cargo.toml ]] || continue
    name=$(sed -n 's/^name = "\(.*\)"/\1/p' "$dir/Cargo.toml" | head -1)
    # In the crate's folder, for its .cargo/config.toml; in a target folder of its own, since a dependency that is built with other
    # flags takes the place of the one before. Paths of this machine do not go into the module.
    (
      cd "$dir"
      $cargo build --quiet --release --target "$target" --target-dir "$root/target/guests/$name" \
        --config "target.$target.rustflags=['--remap-path-prefix=$root=wasmflow']"
    )
    built=$root/target/guests/$name/$target/release/${name//-/_}.wasm
    place "$built" "$dist/$name-rust.wasm"
  done
}

build_go() {
  local dir name built
  for dir in "$root"/examples/*/go "$root"/test/*/guests/*-go; do
    [[ -f $dir/go.mod ]] || continue
    case $dir in
      "$root"/examples/*) name=$(basename "$(dirname "$dir")") ;;
      *) name=$(basename "$dir" -go) ;;
    esac
    built=$root/target/guests/$name-go.wasm
    # Without the commit in it, a module changes only where its code does.
    GOOS=wasip1 GOARCH=wasm go -C "$dir" build -buildmode=c-shared -buildvcs=false -trimpath -o "$built" .
    place "$built" "$dist/$name-go.wasm"
  done
}

mkdir -p "$dist" "$root/target/guests"
if command -v flock >/dev/null; then
  exec 9>"$root/target/guests/.lock"
  flock 9
fi
case ${1:-all} in
  rust) build_rust ;;
  go) build_go ;;
  all) build_go; build_rust ;;
  *) echo "usage: build-guests.sh [rust|go|all]" >&2; exit 2 ;;
esac
