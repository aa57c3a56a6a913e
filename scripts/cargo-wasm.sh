#!/usr/bin/env bash
# Prints the cargo command that can build for a WebAssembly target (wasm32-unknown-unknown where none is given): the cargo on the
# PATH where its compiler has the target's standard library, else the distribution's in /usr/bin where that one has. Otherwise it
# fails and says what to do.
#
#   cargo-wasm.sh [TARGET]
set -euo pipefail
target=${1:-wasm32-unknown-unknown}

has_std() {
  local dir
  dir=$("$1" --print target-libdir --target "$target" 2>/dev/null) && compgen -G "$dir/libcore-*.rlib" >/dev/null
}

if command -v cargo >/dev/null && has_std rustc; then
  echo cargo
elif [[ -x /usr/bin/cargo ]] && has_std /usr/bin/rustc; then
  echo "env RUSTC=/usr/bin/rustc /usr/bin/cargo"
else
  echo "no Rust for $target: run 'rustup target add $target', or scripts/install-rust-wasm.sh $target where rustup cannot" >&2
  exit 1
fi
