# make demo    set up and run the quickstart sweep
# make test    set up and run the tests
# make check   linter, formatter and type checker
# make docs    the documentation site, in build/site
# make test-slow, make bench-solver, make bench-network: long proofs and benchmarks, by hand

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: setup demo test test-slow check bench-solver bench-network docs clean

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("binsparx needs Python 3.11 or newer; try: make PYTHON=python3.11") if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: setup
	$(BIN)/binsparx run sweeps/quickstart.yaml

test: setup
	$(BIN)/python -m pytest

test-slow: setup
	$(BIN)/python -m pytest -m slow

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench-solver: setup
	$(BIN)/python -m benchmarks.solver

bench-network: setup
	$(BIN)/python -m benchmarks.network

docs: setup
	$(BIN)/mkdocs build --quiet
	@echo "open build/site/index.html"

clean:
	rm -rf $(VENV) build/site .pytest_cache .mypy_cache .ruff_cache
