# Touchstone. `make help` lists what there is. Needs Python 3.11 and make; everything else is fetched, pinned and checked.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run test test-all bench lint lock docs clean

PYTHON ?= $(shell for p in python3.11 python3; do \
  $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 3 # two cores: whole sessions and browsers wait as often as they work
ARGS ?=
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

help: ## what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

run: $(VENV)/.runtime ## from nothing to a result: a session in a simulated market, and its report
	$(BIN)/touchstone run $(ARGS)

test: $(VENV)/.dev ## what must be green: checks (while the core compiles), then the tests that take seconds
	$(BIN)/python -m touchstone.cli.compile & compiling=$$!; \
	  $(MAKE) --no-print-directory lint && status=0 || status=$$?; wait $$compiling; exit $$status
	$(BIN)/python -m pytest -q -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

test-all: lint ## also the slow tests, then the core with every array index checked
	$(BIN)/python -m pytest -q -n $(JOBS) --dist loadfile --no-loadscope-reorder -m "" $(ARGS)
	NUMBA_BOUNDSCHECK=1 $(BIN)/python -m pytest -q -n $(JOBS) --dist loadfile --no-loadscope-reorder tests/core tests/exchange tests/backtest $(ARGS)

bench: $(VENV)/.dev ## speed figures on this machine
	$(BIN)/python -m benchmarks $(ARGS)

lint: $(VENV)/.dev ## style, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.dev ## write again what is generated: the configuration reference and the example
	$(BIN)/touchstone config reference > docs/configuration.md
	$(BIN)/touchstone config show > examples/default.toml
	$(BIN)/python -c "from touchstone.insight.export.columns import reference; print(reference(), end='')" > docs/export.md
	$(BIN)/python -m touchstone.local.server.settings > docs/exchange-settings.md
	$(BIN)/python -m touchstone.watch.metrics > docs/metrics.md

# Development pins come first, for its oracles name exact versions of what they share with the runtime.
lock: $(VENV)/.dev ## pin again after an edit of requirements/*.in (needs pip-tools in the environment)
	cd requirements && for names in "dev.txt dev.in" "runtime.txt runtime.in --constraint dev.txt" \
	  "bench-hftbacktest.txt bench-hftbacktest.in" "bench-nautilus.txt bench-nautilus.in"; do \
	  CUSTOM_COMPILE_COMMAND="make lock" ../$(BIN)/pip-compile --quiet --allow-unsafe --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --strip-extras --output-file $$names; done

clean: ## remove what was built, but no session and no tape
	rm -rf $(VENV) build dist src/*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer not found; set PYTHON=path/to/python"; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements/runtime.txt pyproject.toml | $(VENV)/bin/python
	$(PIP) --require-hashes -r requirements/runtime.txt
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.runtime
	$(PIP) --require-hashes -r requirements/dev.txt
	@touch $@
