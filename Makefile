# The front door. CMake does the building; see CMakePresets.json and docs/architecture.md.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.NOTPARALLEL:

JOBS ?= $(shell nproc)
PREFIX ?= /usr/local
DESTDIR ?=
export REGISTRY TAG QUAY_USER IMG
SECONDS ?= 60
tsan_tests = base_tests net_tests oci_tests
# The sanitizer of GCC 12 knows no address space that is shuffled as widely as newer kernels do.
tsan_run = TSAN_OPTIONS=halt_on_error=1:suppressions=cmake/thread_suppressions.txt setarch -R
FILES ?= base/ messages/ net/ oci/ gpus/ relocation/ k8s/ actors/ cli/

cpp_files = git ls-files -z -- '*.cpp' '*.hpp'
configure = cmake --preset $(1) --log-level=WARNING
compile = cmake --build --preset $(1) --parallel $(JOBS)

##@ For everyone
help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "Missing Debian packages are installed on the way, as root or with sudo. JOBS=$(JOBS)"

demo: packages-build packages-test ## Show an image become a usable cache on this machine
	@$(call configure,release)
	@$(call compile,release) --target gkm make-sample-cache describe-cache
	@scripts/demo

test: build packages-test ## Build and run every test; the last line counts them
	@$(call compile,release) --target tests
	@scripts/build-csi-sanity >/dev/null || echo "Without csi-sanity its tests are skipped" >&2
	@scripts/run-tests release

build: packages-build ## Build what people run, in build/release
	@$(call configure,release)
	@$(call compile,release)

bench: build benches packages-test packages-bench ## Measure against curl|tar, skopeo and umoci
	@bench/run

benches: packages-build packages-test ## Build what it measures with
	@$(call configure,release)
	@$(call compile,release) --target benches

install: build ## Install gkm (and kubectl gkm), gkm-agent, gkm-csi, gkm-gpu and gkm-operator (PREFIX=/usr/local, DESTDIR=)
	@DESTDIR="$(DESTDIR)" cmake --install build/release --prefix "$(PREFIX)"

clean: ## Remove everything that was built
	@rm -rf build

##@ In a cluster (kubectl's; REGISTRY=host/path or TAG=tag for other images)
deploy: ## Install GKM, or bring it up to date
	@scripts/deploy apply

undeploy: ## Remove the caches, then GKM; pods that have one mounted keep it and run on
	@scripts/deploy delete

undeploy-force: ## Remove these pods, too
	@scripts/deploy delete --force

undeploy-purge: ## Remove GKM and what it keeps on nodes
	@scripts/deploy delete --purge

images: ## Print the names of the images that deploy takes
	@scripts/deploy images

deploy-examples: ## Apply examples/namespace and examples/cluster
	@scripts/deploy apply-examples

undeploy-examples: ## Remove them
	@scripts/deploy delete-examples

##@ For developers
dev: packages-build ## Build quickly, with assertions, in build/dev
	@$(call configure,dev)
	@$(call compile,dev) --target all tests

asan: packages-build packages-test ## Build and test with address and undefined-behaviour sanitizers
	@$(call configure,asan)
	@$(call compile,asan) --target all tests
	@scripts/run-tests asan

tsan: packages-build packages-test ## Build and test what does not use CAF with the thread sanitizer
	@$(call configure,tsan)
	@$(call compile,tsan) --target $(tsan_tests)
	@for t in $(tsan_tests); do $(tsan_run) build/tsan/tests/$$t --gtest_brief=1; done

fuzz: packages-build packages-fuzz ## Fuzz the parsers of outside input (TARGET=name: only that; SECONDS=60: for each)
	@$(call configure,fuzz)
	@$(call compile,fuzz) --target $(if $(TARGET),$(TARGET)_fuzz,fuzz_targets)
	@SECONDS_EACH=$(SECONDS) scripts/fuzz $(TARGET)

format: packages-format ## Format every C++ file
	@$(cpp_files) | xargs -0 -P $(JOBS) -n 16 clang-format -i

apiserver: ## Build the Kubernetes API server that tests/cluster needs (minutes, once)
	@scripts/build-apiserver

csi-sanity: ## Build the conformance suite of CSI that tests/integration needs (a minute, once)
	@scripts/build-csi-sanity

##@ Checks
check: check-format check-includes check-scripts check-defences check-headers test ## All checks, then the tests

check-format: packages-format ## Is every C++ file formatted?
	@$(cpp_files) | xargs -0 -P $(JOBS) -n 16 clang-format --dry-run -Werror

check-includes: ## Are includes written from the root, and does messages/ include only itself?
	@scripts/check-includes

check-scripts: packages-format ## Does every shell script pass shellcheck?
	@git grep -zlE '^#!(/usr/bin/env bash|/bin/sh)$$' | xargs -0 shellcheck -x -P SCRIPTDIR

check-defences: ## Can each defence that docs/security.md names be taken out for its test?
	@scripts/prove-defences --check

prove-defences: packages-build packages-test ## Take each of these defences out: does its test fail? (DEFENCE=name: only that)
	@scripts/prove-defences $(DEFENCE)

check-headers: packages-build ## Does every header compile on its own?
	@$(call configure,release)
	@$(call compile,release) --target check_headers

tidy: packages-build packages-tidy ## Run clang-tidy (FILES="base/ messages/": only these)
	@scripts/run-tidy $(FILES)

packages-%:
	@scripts/install-packages $*

.PHONY: help build test demo bench benches install clean deploy undeploy undeploy-force undeploy-purge images deploy-examples undeploy-examples dev asan tsan fuzz format apiserver csi-sanity check check-format check-includes check-defences prove-defences \
        check-scripts check-headers tidy
