# Everything is installed inside this folder. `make help` lists the targets.

PYTHON ?= python3
VENV ?= .venv
PYTEST_ARGS ?=
WORKERS ?= 3
START_ARGS ?=

python := $(VENV)/bin/python
packages := $(VENV)/.packages
azurite := node_modules/.complete
checkov := .venv-checkov/.complete

.DEFAULT_GOAL := setup
.PHONY: setup check test infra bench mltable start demo azurite clean help

setup: $(packages) $(azurite) ## Set up .venv, its packages and Azurite (what plain `make` does)

check: $(packages) ## Lint, format, types, import contract
	"$(VENV)/bin/ruff" check .
	"$(VENV)/bin/ruff" format --check .
	"$(python)" -m mypy
	"$(VENV)/bin/lint-imports" --no-logo

test: setup $(checkov) ## All tests, those of infra/ among them; PYTEST_ARGS="-k name" for some
	"$(python)" -m pytest -n $(WORKERS) --dist loadfile $(PYTEST_ARGS)

infra: setup $(checkov) ## The tests of infra/ alone: it builds, and what it deploys is as it should be
	"$(python)" -m pytest tests/infra $(PYTEST_ARGS)

bench: setup ## How fast it is: one run of a few minutes, one table, on a stack of its own
	@exec "$(python)" -m bench

mltable: ## The real mltable in .venv-mltable, for the tests that read tables with it (several hundred MB)
	@"$(PYTHON)" -m venv .venv-mltable
	@.venv-mltable/bin/python -m pip install -qq --disable-pip-version-check mltable==1.7.0 "azureml-dataprep[pandas]==5.5.0"

start: setup ## The local stack, until Ctrl-C; START_ARGS="--port 8080" for another port
	@exec "$(python)" -m local start $(START_ARGS)

demo: setup ## A stack of its own, the original project's request, and what came of it
	@exec "$(python)" -u -m local demo

azurite: setup ## Azurite alone on its default ports, for `func start`
	@exec "$(python)" -m local azurite

clean: ## Remove all that the targets above made
	rm -rf .venv .venv-* node_modules .local .local-* .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

help: ## This list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 10

# A virtual environment without a working pip is a half-made one: it is made again.
$(packages): requirements.txt requirements-dev.txt constraints.txt
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is missing or older than Python 3.11: name another one with make PYTHON=..." >&2; exit 1; }
	@echo "Setting up Python packages in $(VENV)"
	@"$(python)" -m pip --version >/dev/null 2>&1 || "$(PYTHON)" -m venv --clear "$(VENV)"
	@"$(python)" -m pip install -qq --disable-pip-version-check -r requirements-dev.txt
	@touch $@

$(azurite): package.json package-lock.json | $(packages)
	@echo "Setting up Azurite in node_modules"
	@"$(python)" -m local install
	@touch $@

# A tool with pins of its own, used by the tests of infra/ alone; one environment, whichever Python they run with.
$(checkov): infra/requirements-checkov.txt
	@echo "Setting up checkov in .venv-checkov"
	@"$(PYTHON)" -m venv --clear .venv-checkov
	@.venv-checkov/bin/python -m pip install -qq --disable-pip-version-check -r infra/requirements-checkov.txt
	@touch $@
