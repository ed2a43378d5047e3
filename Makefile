# Everything that is built, checked and shown. `make help` lists the targets.
BUN := node_modules/.bin/bun
OXLINT := node_modules/.bin/oxlint
OXFMT := node_modules/.bin/oxfmt

.PHONY: check types lint fmt unit clean help

check: types lint unit ## Types, lint, format, unit tests: the inner loop

node_modules: package.json package-lock.json
	npm ci --no-audit --no-fund
	@touch node_modules

types: node_modules ## Type check
	node_modules/.bin/tsc -p .

lint: node_modules ## Format and lint, changing nothing
	$(OXFMT) --check src test scripts
	$(OXLINT) --type-aware --deny-warnings src test scripts

fmt: node_modules ## Format in place
	$(OXFMT) src scripts test

unit: node_modules ## Unit tests
	$(BUN) test

clean: ## Remove what was built
	rm -rf dist

help: ## This list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-10s %s\n", $$1, $$2}'
