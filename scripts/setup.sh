#!/usr/bin/env bash
# Brings what the tests need beside the compilers, each only where it is missing: Rust's wasm target, Kafka's jars, the guests,
# and wabt, which makes the small test guests again from their sources.
# A tool that is not installed is named; with the environment variable CI set that is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

absent() { # tool, what is not done without it
	echo "setup: $1 is not installed: $2"
	[[ -z ${CI:-} ]] || exit 1
}

if ! command -v cargo >/dev/null && [[ ! -x /usr/bin/cargo ]]; then
	absent cargo "no Rust guests, and no tests that need one"
	scripts/build-guests.sh go
else
	scripts/cargo-wasm.sh >/dev/null 2>&1 || scripts/install-rust-wasm.sh
	scripts/build-guests.sh
fi
if ! command -v java >/dev/null; then
	absent java "no tests on a real Kafka"
elif ! command -v mvn >/dev/null; then
	absent mvn "no tests on a real Kafka"
else
	scripts/kafka.sh install >/dev/null
fi
if ! command -v wat2wasm >/dev/null && [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -qq
	apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends wabt >/dev/null
fi
command -v wat2wasm >/dev/null || absent wat2wasm "the test guests are not compared with their sources (Debian's wabt)"
