#!/usr/bin/env bash
# Assembles the guests beside it, NAME.wat to NAME.wasm, and writes the digests of both to SHA256SUMS. Needs wat2wasm (wabt).
# With an argument the results go to that folder instead, so that a test can compare them.
set -euo pipefail
cd "$(dirname "$0")"
out=${1:-.}
for f in *.wat; do
  wat2wasm --debug-names "$f" -o "$out/${f%.wat}.wasm"
done
if [ "$out" = . ]; then LC_ALL=C sha256sum -- *.wat *.wasm >SHA256SUMS; fi
