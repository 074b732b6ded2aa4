# make demo    set up and run the quickstart sweep
# make test    set up and run the tests
# make check   linter, formatter and type checker
# make docs    the documentation site, in build/site
# make paper-tables, make paper: the paper's experiments: small tables from networks and results, page from the tables
# make test-paper: rows of the paper's table run again; needs CIFAR-10
# make gpu: what a GPU is used for in a few minutes; make gpu-pack: what to bring where it is (CONTRIBUTING.md)
# make test-installed: a wheel in environments of its own, with pinned and with the newest dependencies
# make test-slow, make test-drills, make bench-solver, make bench-evidence, make bench-exact, make bench-network, make bench-dispatch,
# make bench-workers, make bench-ending: long proofs and benchmarks, by hand

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: setup demo test test-slow test-drills test-installed test-paper paper paper-tables check docs clean
.PHONY: bench-solver bench-evidence bench-exact bench-network bench-dispatch bench-workers bench-ending gpu gpu-pack

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("binsparx needs Python 3.11 or newer; try: make PYTHON=python3.11") if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: setup
	$(BIN)/binsparx run sweeps/quickstart.yaml

# Two processes, each with one thread where a test does not ask for more: twice as fast on two cores.
test: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

test-slow: setup
	$(BIN)/python -m pytest -m slow

test-drills: setup
	$(BIN)/python -m pytest -m drill

test-installed: setup
	$(BIN)/python -m pytest -m "slow or not slow" tests/test_installed.py

PAPER := docs/results/paper
PAPER_MODELS ?= vgg-small resnet18-cifar

paper-tables: setup
	@mkdir -p $(PAPER)
	cp results/sweeps/paper/designs.parquet $(PAPER)/
	$(BIN)/python docs/paper_halves.py $(PAPER)/halves.parquet
	for model in $(PAPER_MODELS); do \
	  $(BIN)/binsparx partial-sums $$model --dataset data/cifar10 -o $(PAPER)/partial_sums-$$model.parquet && \
	  $(BIN)/python docs/paper_reads.py $$model $(PAPER)/reads-$$model.parquet || exit 1; done

paper: setup
	$(BIN)/python docs/paper.py
	$(BIN)/python docs/tables.py  # README and cost.md quote it

test-paper: setup
	$(BIN)/python -m pytest -m slow tests/test_paper.py

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench-solver: setup
	$(BIN)/python -m benchmarks.solver

bench-evidence: setup
	$(BIN)/python -m benchmarks.evidence

bench-exact: setup
	$(BIN)/python -m benchmarks.fast_against_exact

bench-network: setup
	$(BIN)/python -m benchmarks.network

bench-dispatch: setup
	$(BIN)/python -m benchmarks.dispatch

bench-workers: setup
	$(BIN)/python -m benchmarks.workers --images 1000

bench-ending: setup
	$(BIN)/python -m benchmarks.ending

# No setup: on a machine with a GPU its own python has torch.
GPU_ARGS ?=
gpu:
	$(if $(wildcard $(BIN)/python),$(BIN)/python,$(PYTHON)) -m benchmarks.gpu $(GPU_ARGS)

# DATA: folder of train.parquet and test.parquet. GPU_PYTHON: the Python that has torch there.
DATA ?= data/cifar10-parquet
GPU_PYTHON ?= 3.12
GPU_WHEELS := pydantic pydantic-core annotated-types typing-inspection typing-extensions safetensors pillow jaxtyping \
  wadler-lindig
gpu-pack: setup
	$(BIN)/python -m benchmarks.gpu.pack $(DATA)
	rm -rf build/gpu/wheels
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --dest build/gpu/wheels --no-deps \
	  --only-binary=:all: --python-version $(GPU_PYTHON) --implementation cp \
	  $(foreach n,34 28 27 17,--platform manylinux_2_$(n)_x86_64) --platform manylinux2014_x86_64 \
	  --constraint constraints.txt $(GPU_WHEELS)
	@du -sh build/gpu

docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo "open build/site/index.html"

clean:
	rm -rf $(VENV) build/site .pytest_cache .mypy_cache .ruff_cache
