# What a person types in a clone. Needs make (GNU 3.81 or newer, so macOS' own will do), a POSIX shell and Python 3.11 or newer.
# Everything is installed into .venv from requirements/, hash by hash; a stamp in .venv says that a set is installed.

PYTHONS = python3.11 python3.12 python3.13 python3
IMAGE = session-service
LIVEKITS = .venv-livekit .venv-livekit-floor
# Tests that run at once: more than most machines have cores, because most tests wait for processes and networks.
WORKERS = 4
UV = uv==0.13.8

BIN = .venv/bin
SUITE = $(BIN)/pytest -n $(WORKERS) --dist loadgroup
PIP = $(BIN)/python -m pip --disable-pip-version-check --quiet
LOCK = $(BIN)/uv pip compile --quiet --generate-hashes --no-header --no-emit-index-url --universal --python-version 3.11

.PHONY: help dev check test bench lock image clean
.DEFAULT_GOAL := help

help:
	@echo 'make dev     start the service on this machine and print what to paste into the platform'
	@echo 'make check   lint, types, layers and unit tests: under two minutes'
	@echo 'make test    the same, and every test against the real tools that this machine has: ten minutes'
	@echo 'make bench   measure the service against a bare answer and against FastAPI'
	@echo 'make image   build the container image $(IMAGE) with docker'
	@echo 'make lock    write requirements/ anew from pyproject.toml (newest versions: make lock UPGRADE=--upgrade)'
	@echo 'make docs    write the page of each check of `session-service check` into docs/checks'
	@echo 'make clean   remove .venv and every cache'
	@echo 'Another interpreter than the first of $(PYTHONS): make dev PYTHONS=/path/to/python'

# exec leaves no shell between make and the service, so that Ctrl-C ends with the service's own exit code.
dev: .venv/service.stamp
	@exec $(BIN)/session-service dev

check: lint
	@$(SUITE) -m 'not real'

# Tests whose tools are missing are skipped; pytest ends by naming each, with how to get it.
test: lint $(LIVEKITS:=/test.stamp)
	@$(SUITE)
	@$(MAKE) --no-print-directory --keep-going --jobs 3 livekit-types $(LIVEKITS:=/tests)

.PHONY: livekit-types
livekit-types: .venv-livekit/test.stamp
	@MYPYPATH=examples .venv-livekit/bin/mypy -p agent_helpers -p tests.agent_helpers -p livekit_agent
	@.venv-livekit/bin/mypy tests/typing/agent_helpers_api.py
	@PYRIGHT_PYTHON_IGNORE_WARNINGS=1 .venv-livekit/bin/pyright --pythonpath .venv-livekit/bin/python tests/typing

# Both run at once, so each says what it has to say when it is done.
.PHONY: $(LIVEKITS:=/tests)
$(LIVEKITS:=/tests): %/tests: %/test.stamp
	@$*/bin/pytest tests/agent_helpers > $*/tests.log 2>&1; code=$$?; cat $*/tests.log; exit $$code

.PHONY: lint
lint: .venv/test.stamp
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

.PHONY: docs
docs: .venv/service.stamp
	@$(BIN)/python -m session_service.check.pages docs/checks

bench: .venv/bench.stamp
	@exec $(BIN)/python -m benchmarks

# Each file is bound by the ones before it, so that no package has two versions; the oldest LiveKit needs older ones. The tests' file holds what the
# benchmarks need, too: the types of both are checked.
lock: $(BIN)/python
	@$(PIP) install '$(UV)'
	@$(LOCK) $(UPGRADE) --extra service -o requirements/service.txt pyproject.toml
	@$(LOCK) $(UPGRADE) --group build -o requirements/build.txt
	@$(LOCK) $(UPGRADE) --extra service --group bench -c requirements/service.txt -c requirements/build.txt -o requirements/bench.txt pyproject.toml
	@$(LOCK) $(UPGRADE) --extra service --group test --group lint --group bench -c requirements/bench.txt -c requirements/build.txt -o requirements/test.txt pyproject.toml
	@$(LOCK) $(UPGRADE) --group livekit -c requirements/test.txt -o requirements/livekit.txt
	@$(LOCK) $(UPGRADE) --group livekit-floor -c requirements/build.txt -o requirements/livekit-floor.txt

image:
	@docker build --tag $(IMAGE) .

clean:
	@rm -rf .venv $(LIVEKITS) .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache build dist

# A name on PATH proves nothing (pyenv puts names there for versions that are not active): each candidate has to run.
$(BIN)/python:
	@rm -rf .venv; \
	for python in $(PYTHONS); do \
	  "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	  "$$python" -c 'import ensurepip, venv' 2>/dev/null || { bare=$$python; continue; }; \
	  echo "Setting up .venv with $$("$$python" -V)."; \
	  "$$python" -m venv .venv && exit 0; \
	  rm -rf .venv; exit 1; \
	done; \
	if [ -n "$$bare" ]; then \
	  echo "$$bare cannot make virtual environments. On Debian and Ubuntu install its package: apt-get install $${bare##*/}-venv" >&2; \
	else \
	  echo "No Python 3.11 or newer among: $(PYTHONS). Install one (python.org, brew install python, apt-get install python3 python3-venv), or name it: make dev PYTHONS=/path/to/python" >&2; \
	fi; \
	exit 1

# Without build isolation, what builds a package is locked like everything else.
.venv/service.stamp: $(BIN)/python pyproject.toml requirements/service.txt requirements/build.txt
	@echo 'Installing what the service needs.'
	@$(PIP) install --require-hashes -r requirements/build.txt
	@$(PIP) install --require-hashes --no-build-isolation -r requirements/service.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/test.stamp: .venv/service.stamp requirements/test.txt
	@echo 'Installing what the tests need.'
	@$(PIP) install --require-hashes --no-build-isolation -r requirements/test.txt
	@touch $@

# LiveKit's environments: .venv-livekit has the newest, .venv-livekit-floor the oldest that is supported.
LIVEKIT_PIP = .venv-$*/bin/python -m pip --disable-pip-version-check --quiet

$(LIVEKITS:=/packages.stamp): .venv-%/packages.stamp: $(BIN)/python requirements/%.txt requirements/build.txt
	@echo 'Installing what the tests with $* need.'
	@$(BIN)/python -m venv --clear .venv-$*
	@$(LIVEKIT_PIP) install --require-hashes -r requirements/build.txt
	@$(LIVEKIT_PIP) install --require-hashes --no-build-isolation -r requirements/$*.txt
	@touch $@

$(LIVEKITS:=/test.stamp): .venv-%/test.stamp: .venv-%/packages.stamp pyproject.toml
	@$(LIVEKIT_PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/bench.stamp: .venv/service.stamp requirements/bench.txt
	@echo 'Installing what the benchmarks need.'
	@$(PIP) install --require-hashes --no-build-isolation -r requirements/bench.txt
	@touch $@
