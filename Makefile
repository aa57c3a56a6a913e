# The only task runner: every gate is a target. Bash, GNU make and Go are enough for demo; test needs Rust, Java 17, Maven and
# Node as well, and fetches the rest itself.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
GO_BUILD = go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)'
# All Go modules of the tree, and the crates; found, not listed, so that none is forgotten.
FIND = find . \( -name target -o -name node_modules -o -name testdata -o -name .git -o -name dist \) -prune -o -type f
MODULES := $(sort $(patsubst ./%/go.mod,%,$(patsubst ./go.mod,.,$(shell $(FIND) -name go.mod -print))))
CRATES := $(sort $(patsubst ./%/Cargo.toml,%,$(shell $(FIND) -name Cargo.toml -print)))
SCRIPTS := $(sort $(shell $(FIND) -name '*.sh' -print) .ci/run)
# The packages of the root module that need no broker but the embedded one.
UNIT = $(shell go list ./... | grep -vE '/test/(kafka|conformance|e2e|mutants|storm)(/|$$)')
TOOLS := bin/tools
GUESTS := dist/guests
GO_TEST = go test -count=1
FUZZTIME ?= 30s
BENCH_COUNT ?= 6
SMITH ?= 5000
MUTANTS ?= 10000000
CHAOS_NODES ?= 3
CHAOS_DURATION ?= 30m
CHAOS_SEED ?=

##@ To use

help: ## List the targets.
	@awk -F ':.*## ' '/^##@/ { printf "\n%s\n", substr($$0, 5) } /^[a-z0-9-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
.PHONY: help

build: ## Build bin/wasmflow.
	$(GO_BUILD) -o bin/wasmflow ./cmd/wasmflow
.PHONY: build

demo: build ## Run payments through a guest on an embedded broker, and check that it was exactly once. Needs Go alone.
	scripts/build-guests.sh go
	bin/wasmflow demo --module $(GUESTS)/payments-go.wasm
.PHONY: demo

guests: ## Build all example and test guests into dist/guests.
	scripts/build-guests.sh
.PHONY: guests

##@ To work on it

fmt: $(TOOLS)/gofumpt ## Format Go and Rust.
	$(TOOLS)/gofumpt -w .
	@for crate in $(CRATES); do cargo fmt --manifest-path $$crate/Cargo.toml; done
.PHONY: fmt

check: ## Formats, vet, staticcheck, tidy modules, house rules, scripts, Rust lints.
	@scripts/steps.sh check-format check-vet check-lint check-tidy check-house check-scripts check-rust:cargo
.PHONY: check

test: ## Everything: sets itself up, then check, unit, race, mutants, fuzz seeds, SDKs, conformance, e2e, real Kafka.
	@scripts/steps.sh setup check unit race mutant-hosts fuzz-seeds sdk-go sdk-rust:cargo conformance e2e kafka-test:java,mvn
.PHONY: test

unit: ## Tests of the root module on the embedded broker.
	$(GO_TEST) $(UNIT)
.PHONY: unit

race: ## The same under the race detector.
	$(GO_TEST) -race $(UNIT)
.PHONY: race

mutant-hosts: ## Hosts broken in one place each: the checker must catch every one by the verdict that is named for it.
	$(GO_TEST) -v -run '^Test' ./test/mutants
.PHONY: mutant-hosts

fuzz-seeds: ## Every fuzz test on its seeds.
	$(GO_TEST) -run '^Fuzz' $(UNIT)
.PHONY: fuzz-seeds

fuzz: ## Every fuzz test for FUZZTIME (30s) each.
	@grep -rlE '^func Fuzz' --include='*_test.go' . | sort | while read -r file; do \
	  sed -nE 's/^func (Fuzz[A-Za-z0-9_]*)\(.*/\1/p' "$$file" | while read -r name; do \
	    echo "$$name in $$(dirname "$$file")"; \
	    go -C "$$(dirname "$$file")" test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) . </dev/null; \
	  done; \
	done
.PHONY: fuzz

sdk-go: ## The Go SDK and the Go examples, as a guest's author tests them.
	@failed=0; for module in $(filter-out . tools test/%,$(MODULES)); do \
	  go -C $$module test -count=1 ./... || failed=1; \
	done; exit $$failed
.PHONY: sdk-go

sdk-rust: ## The Rust SDK and the Rust examples, as a guest's author tests them.
	@failed=0; for crate in $(filter-out test/%,$(CRATES)); do \
	  echo "cargo test: $$crate"; cargo test --quiet --manifest-path $$crate/Cargo.toml || failed=1; \
	done; exit $$failed
.PHONY: sdk-rust

spec: ## The specification's test suite, metered and unmetered, in every mode.
	METER_SPEC=all $(GO_TEST) -v -run '^TestMeterSpec$$' ./host/guest
.PHONY: spec

smith: ## SMITH (5000) modules made by chance, metered and unmetered.
	METER_SMITH=$(SMITH) $(GO_TEST) -v -timeout 30m -run '^TestMeterSmith$$' ./host/guest
.PHONY: smith

mutants: ## MUTANTS (10000000) damaged modules through the meter, and as many through the meter and the compiler.
	METER_MUTANTS=$(MUTANTS) $(GO_TEST) -v -timeout 60m -run '^TestMutants$$' ./host/guest/internal/meter
	METER_GATE=$(MUTANTS) $(GO_TEST) -v -timeout 60m -run '^TestMeterGate$$' ./host/guest
.PHONY: mutants

conformance: ## One suite of guests per SDK through the host.
	$(GO_TEST) ./test/conformance/...
.PHONY: conformance

e2e: build ## The binary and the commands of the READMEs.
	$(GO_TEST) ./test/e2e/...
.PHONY: e2e

kafka-test: build ## Pipelines on a real Apache Kafka, one node, started by scripts/kafka.sh; then a storm of a minute.
	$(GO_TEST) -timeout 15m ./test/kafka/...
	$(GO_TEST) -timeout 15m ./test/storm
.PHONY: kafka-test

chaos: ## A storm of CHAOS_DURATION (30m) on a real Kafka of CHAOS_NODES (3); CHAOS_SEED does one again.
	CHAOS_NODES=$(CHAOS_NODES) CHAOS_DURATION=$(CHAOS_DURATION) CHAOS_SEED=$(CHAOS_SEED) $(GO_TEST) -v -timeout 0 ./test/storm
.PHONY: chaos

bench: build guests ## Benchmarks; JSON lines in test/bench/results; fails where a target is missed. BENCH_COUNT (6) rounds or more.
	BENCH_COUNT=$(BENCH_COUNT) go test -count=1 -run '^$$' -bench . -benchmem -timeout 60m ./test/bench/...
.PHONY: bench

bench-guest: guests ## What paying fuel costs and the rewrite takes; how fast guests are stopped; hostile neighbours. Fails where a bound is missed.
	go test -count=1 -run '^$$' -bench 'BenchmarkMeter|BenchmarkRewrite' -benchtime 2s ./host/guest
	go test -count=1 -run '^$$' -bench . -benchtime 2s ./test/hostile
.PHONY: bench-guest

clean: ## Remove what was built.
	rm -rf bin dist
.PHONY: clean

##@ Steps of test and check

setup: ## What test needs beside the compilers: Rust's wasm target, Kafka's jars, all guests.
	scripts/setup.sh
.PHONY: setup

$(TOOLS)/gofumpt $(TOOLS)/staticcheck: tools/go.mod tools/go.sum
	go -C tools build -o ../$(TOOLS)/ tool
	@touch $(TOOLS)/gofumpt $(TOOLS)/staticcheck

check-format: $(TOOLS)/gofumpt ## gofumpt has nothing to change.
	@if ! diff=$$($(TOOLS)/gofumpt -d . 2>&1) || [[ -n $$diff ]]; then printf '%s\n\nrun make fmt\n' "$$diff"; exit 1; fi
.PHONY: check-format

check-vet: ## go vet, every module; guests for wasip1 too.
	@failed=0; for module in $(filter-out tools,$(MODULES)); do \
	  go -C $$module vet ./... || failed=1; \
	  [[ $$module == . ]] || GOOS=wasip1 GOARCH=wasm go -C $$module vet -unsafeptr=false ./... || failed=1; \
	done; exit $$failed
.PHONY: check-vet

check-lint: $(TOOLS)/staticcheck ## staticcheck, every module.
	@failed=0; for module in $(filter-out tools,$(MODULES)); do \
	  (cd $$module && "$(CURDIR)/$(TOOLS)/staticcheck" ./...) || failed=1; \
	done; exit $$failed
.PHONY: check-lint

check-tidy: ## go mod tidy has nothing to change, in every module.
	@failed=0; for module in $(MODULES); do \
	  go -C $$module mod tidy -diff || { echo "$$module/go.mod is not tidy: run go mod tidy there"; failed=1; }; \
	done; exit $$failed
.PHONY: check-tidy

check-house: ## The rules of the house, as Go tests.
	$(GO_TEST) .
.PHONY: check-house

check-scripts: ## Shell scripts parse; shellcheck where it is installed.
	@for script in $(SCRIPTS); do bash -n $$script || exit 1; done
	@if command -v shellcheck >/dev/null; then shellcheck $(SCRIPTS); else echo "not linted: shellcheck is not installed"; fi
.PHONY: check-scripts

check-rust: ## cargo fmt has nothing to change; clippy where it is installed.
	@failed=0; \
	if cargo fmt --version >/dev/null 2>&1; then \
	  for crate in $(CRATES); do cargo fmt --check --manifest-path $$crate/Cargo.toml || failed=1; done; \
	else echo "not checked: rustfmt is not installed"; fi; \
	if cargo clippy --version >/dev/null 2>&1; then \
	  for crate in $(CRATES); do cargo clippy --quiet --all-targets --manifest-path $$crate/Cargo.toml -- -D warnings || failed=1; done; \
	else echo "not linted: clippy is not installed"; fi; \
	exit $$failed
.PHONY: check-rust
