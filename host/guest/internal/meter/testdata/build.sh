#!/usr/bin/env bash
# Assembles every .wat here into the .wasm beside it, or into the folder given. Needs wat2wasm (Debian: wabt).
set -euo pipefail
cd "$(dirname "$0")"
for source in [!.]*.wat; do
  [[ $source != *.*.wat ]] || continue
  wat2wasm --debug-names "$source" -o "${1:-.}/${source%.wat}.wasm"
done
