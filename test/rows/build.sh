#!/usr/bin/env bash
# Compiles the rows beside it, rows.c and uppercase.ts, and writes the digests of sources and modules to SHA256SUMS. The modules are
# kept with their sources, so that a figure is of the same code everywhere. Needs clang-16 and lld-16 (Debian) and npm.
set -euo pipefail
cd "$(dirname "$0")"
for pad in 0 1 2 3; do
  clang-16 --target=wasm32 -O2 -mbulk-memory -nostdlib -Wall -Wextra -Wl,--no-entry -Wl,--strip-debug -DPAD=$pad rows.c -o rows$pad.wasm
done
npx --yes --package=assemblyscript@0.28.9 asc uppercase.ts -O3 --runtime incremental --use abort= -o uppercase.wasm
chmod 644 ./*.wasm
LC_ALL=C sha256sum -- *.c *.ts *.wasm >SHA256SUMS
