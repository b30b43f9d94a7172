# `make demo` and `make test` need Python 3.11 or newer with venv, and nothing else.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
WORKERS ?= 2
export OMP_NUM_THREADS ?= 1

.PHONY: demo test check lint types layers unit size bench-census clean help

help:           ## Show this list.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## ?/	/'

demo: .venv/core ## Send the bundled census sample through the whole line.
	$(BIN)/seedstock demo --output demo-out; test $$? -le 1

test: lint types layers unit size ## All that CI runs.

lint: .venv/test ## Style and format.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/test ## Types, strictly.
	$(BIN)/mypy

layers: .venv/test ## Who may import whom.
	$(BIN)/lint-imports --no-cache

unit: .venv/test ## Tests and doctests.
	$(BIN)/pytest -n $(WORKERS) -q --ignore=tests/test_install_size.py

size: .venv/test ## What an installation weighs.
	$(BIN)/pytest -q tests/test_install_size.py

bench-census: .venv/test ## The bars of the census table, into a dated file.
	$(PIP) install -c constraints.txt -e '.[bench]'
	OMP_NUM_THREADS=2 $(BIN)/python benchmarks/census/run.py

clean: ## Remove all that was made.
	rm -rf .venv demo-out dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.12 ...") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

.venv/core: .venv/bin/python pyproject.toml constraints.txt
	$(PIP) install -c constraints.txt -e .
	@touch $@

.venv/test: .venv/bin/python pyproject.toml constraints.txt
	$(PIP) install -c constraints.txt -e '.[test]'
	@touch $@ .venv/core
