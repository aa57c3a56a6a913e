#!/usr/bin/env bash
# Makes Rust able to build for WebAssembly where rustup cannot download (else: rustup target add TARGET). Does nothing where it is
# able to; on Debian and as root it installs the distribution's compiler and builds the target's standard library from the distribution's sources into the compiler's own folder,
# so that a plain cargo build works (scripts/cargo-wasm.sh says which cargo). That takes some minutes, once.
#
#   install-rust-wasm.sh [TARGET ...]      wasm32-unknown-unknown (the default), wasm32-wasip1
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
lld="lld-22"

main() {
  local target missing=()
  for target in "${@:-wasm32-unknown-unknown}"; do
    case $target in
      wasm32-unknown-unknown | wasm32-wasip1) ;;
      *) echo "install-rust-wasm.sh: $target is neither wasm32-unknown-unknown nor wasm32-wasip1" >&2; exit 2 ;;
    esac
    if "$here/cargo-wasm.sh" "$target" >/dev/null 2>&1; then
      echo "$target: there already"
    else
      missing+=("$target")
    fi
  done
  ((${#missing[@]})) || return 0
  install_packages "${missing[@]}"
  for target in "${missing[@]}"; do build_std "$target"; done
}

install_packages() {
  local need=() package packages=(rustc-web cargo-web rust-web-src "$lld")
  command -v apt-get >/dev/null || { echo "install-rust-wasm.sh: no apt-get here: run rustup target add ${*}" >&2; exit 1; }
  [[ " $* " != *" wasm32-wasip1 "* ]] || packages+=(wasi-libc)
  for package in "${packages[@]}"; do dpkg -s "$package" >/dev/null 2>&1 || need+=("$package"); done
  if ((${#need[@]})); then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "${need[@]}"
  fi
  # rustc runs "rust-lld -flavor wasm"; the distribution's lld answers to that name.
  [[ -e /usr/local/bin/rust-lld ]] || ln -s "/usr/lib/llvm-${lld#lld-}/bin/lld" /usr/local/bin/rust-lld
}

build_std() {
  local target=$1 dst=/usr/lib/rustlib/$1 work
  work=$(mktemp -d)
  mkdir -p "$work/src"
  cat >"$work/Cargo.toml" <<'TOML'
[package]
name = "std-of-target"
version = "0.0.0"
edition = "2021"
[profile.release]
opt-level = 3
codegen-units = 1
TOML
  : >"$work/src/lib.rs"
  (
    cd "$work"
    export RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=$work/target
    RUSTFLAGS="-Cembed-bitcode=yes -Cforce-unwind-tables=no" \
      /usr/bin/cargo build -q --release --target "$target" -Z build-std=std,panic_abort
  )
  rm -rf "$dst"
  mkdir -p "$dst/lib"
  cp "$work/target/$target/release/deps/"lib*.rlib "$dst/lib/"
  rm -f "$dst/lib/"libstd_of_target-*.rlib
  if [[ $target == wasm32-wasip1 ]]; then
    mkdir -p "$dst/lib/self-contained"
    cp /usr/lib/wasm32-wasi/{libc.a,crt1-command.o,crt1-reactor.o} "$dst/lib/self-contained/"
  fi
  rm -rf "$work"
  echo "$target: built into $dst"
}

main "$@"
