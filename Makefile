# Each target does all of its own set-up. `make help` lists them.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
PORT ?= 8000
DATA ?= data

# A server that a test starts need not compile what the one before it compiled.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup serve test test-long check console bench browser janus turn lock revision format clean

help: ## Show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: $(READY) ## Make .venv with everything in it (leaves .venv/bin/stoa)

$(READY): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Stoa needs Python 3.11 or newer; say which with make PYTHON=…" if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -c "from stoa.trading import engine; engine.compile_all()"
	touch $(READY)

serve: $(READY) ## Start the server on 127.0.0.1:8000 with demo data
	$(BIN)/stoa serve --demo --port $(PORT) --data $(DATA)

test: $(READY) browser turn ## Run the tests (a seeded sample of the very long ones)
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not browser"
	$(BIN)/python -m pytest tests/browser

test-long: $(READY) browser turn ## Run all tests, with every generated case
	STOA_TEST_LONG=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --long -m "not browser"
	STOA_TEST_LONG=1 $(BIN)/python -m pytest --long tests/browser

check: $(READY) ## Lint, types, layers, format
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

console: console/node_modules/.package-lock.json ## Check, test and build what browsers get (needs Node 20)
	cd console && npm run --silent check && npm test --silent && npm run --silent build

console/node_modules/.package-lock.json: console/package-lock.json
	cd console && npm ci --silent --no-audit --no-fund
	touch $@

bench: $(READY) ## Measure each headline figure against its peer
	$(BIN)/python -m bench

browser: ## Install Chromium for the browser tests, where it is missing
	@test -x /usr/bin/chromium || { \
	  echo "Installing Chromium for the browser tests."; \
	  $$(test "$$(id -u)" = 0 || echo sudo) apt-get update -qq && \
	  $$(test "$$(id -u)" = 0 || echo sudo) apt-get install -y -qq chromium >/dev/null; }

janus: ## Install Janus for the tests of its provider, where it is missing
	@test -x /usr/bin/janus && command -v ip >/dev/null || { \
	  echo "Installing Janus for the tests of its provider."; \
	  $$(test "$$(id -u)" = 0 || echo sudo) apt-get update -qq && \
	  $$(test "$$(id -u)" = 0 || echo sudo) apt-get install -y -qq janus iproute2 >/dev/null; }

turn: ## Install coturn, against which TURN is tested, where it is missing
	@test -x /usr/bin/turnserver || { \
	  echo "Installing coturn for the tests of TURN."; \
	  $$(test "$$(id -u)" = 0 || echo sudo) apt-get update -qq && \
	  $$(test "$$(id -u)" = 0 || echo sudo) apt-get install -y -qq coturn >/dev/null; }

format: $(READY) ## Format the code
	$(BIN)/ruff check --fix --quiet
	$(BIN)/ruff format

lock: ## Resolve the dependencies anew (needs uv)
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 pyproject.toml -o requirements/base.txt
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --group dev pyproject.toml -o requirements/dev.txt

revision: $(READY) ## Write a migration for what the tables have and the schema has not: make revision MESSAGE="…"
	$(BIN)/python -m stoa.migrations.revise "$(MESSAGE)"

clean: ## Remove what the other targets made (not the data)
	rm -rf .venv .mypy_cache .ruff_cache .hypothesis .import_linter_cache build dist
