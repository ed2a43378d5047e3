# Everything that is built, checked and shown. `make help` lists the targets.
BUN := node_modules/.bin/bun
OXLINT := node_modules/.bin/oxlint
OXFMT := node_modules/.bin/oxfmt
# tsc and the type checker of oxlint are Go programs that live for seconds: with few collections they take a third less time.
FEW_COLLECTIONS := GOGC=400
SOURCES := $(shell find src scripts -type f) package.json package-lock.json

.DEFAULT_GOAL := check
.PHONY: check types lint fmt unit build release packages test soak demo bench clean help

check: node_modules ## Types, lint, format, unit tests: the inner loop
	@$(MAKE) --no-print-directory --jobs=3 --output-sync types lint unit

node_modules: package.json package-lock.json
	@# Not "npm ci": it wants every platform's optional packages in the lock file, and a mirror may not have them all.
	@npm install --no-save --no-audit --no-fund --loglevel=error
	@touch node_modules

types: node_modules ## Type check
	$(FEW_COLLECTIONS) node_modules/.bin/tsc -p .

lint: node_modules ## Format and lint, changing nothing
	$(OXFMT) --check src test scripts
	$(FEW_COLLECTIONS) $(OXLINT) --type-aware --deny-warnings src test scripts
	node_modules/.bin/knip

fmt: node_modules ## Format in place
	$(OXFMT) src test scripts

unit: node_modules ## Unit tests: no root, no network, no other programs
	@$(BUN) scripts/test.ts unit

build: dist/tandem ## The binary

dist/tandem: $(SOURCES) | node_modules
	$(BUN) scripts/build.ts

release: build ## The binary compressed, and checksums
	$(BUN) scripts/build.ts release

packages: ## Install what tests, demo and benchmarks need (apt, when root)
	@scripts/packages.sh

test: packages types lint build ## Every test there is
	@$(BUN) scripts/test.ts unit power-cut oracle binary static faults e2e

soak: packages build ## All faults, signals and mutations, and an hour of power cuts (TANDEM_SEED=N repeats a run)
	@TANDEM_SOAK=1 $(BUN) scripts/test.ts faults
	@TANDEM_SOAK=1 TANDEM_SOAK_CUTS=30 TANDEM_SOAK_DISKS=100 $(BUN) test --timeout=14400000 ./test/e2e/power-cut.test.ts ./test/e2e/power-cut-boots.test.ts

demo: packages build ## A disk image, a registry, one real upgrade, as an ordinary user
	@$(BUN) scripts/demo.ts

bench: packages build ## Measure against peers and the floor; writes dist/bench.json
	@$(BUN) scripts/bench.ts

clean: ## Remove what was built
	rm -rf dist

help: ## This list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{split($$1, t, ":"); printf "  %-10s %s\n", t[1], $$2}'
