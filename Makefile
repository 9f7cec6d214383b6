# The same commands as in CI. The first one that is typed sets everything up; after that it costs nothing.
PYTHON ?= python3
PORT ?= 5000
BIN := .venv/bin
READY := .venv/ready
export MLFLOW_DISABLE_TELEMETRY ?= true
export PYTHONDONTWRITEBYTECODE =  # else each of many processes compiles all modules anew

.PHONY: setup sweep wheel test test-fast check ui clean

sweep: $(READY)  ## six optimizers from ten seeds each
	$(BIN)/python train.py -m optimizer=sgd,momentum,nesterov,adam,adagrad,rmsprop 'seed=range(0,10)'

ui: $(READY)  ## MLflow's UI on http://127.0.0.1:$(PORT)
	SEEDSWEEP_HOME="$(CURDIR)" $(BIN)/seedsweep-ui port=$(PORT)

wheel: $(READY)  ## the package that pip installs, in dist
	$(BIN)/python -m hatchling build -t wheel

test: $(READY)  ## all the tests
	$(BIN)/pytest

test-fast: $(READY)  ## tests of every floor, without commands, servers and browsers
	$(BIN)/pytest -m "not slow"

check: $(READY)  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

setup: $(READY)  ## the virtual environment in .venv

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "seedsweep needs Python 3.11 or newer: make PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $(READY)

clean:  ## remove the virtual environment and the caches, and keep what was recorded
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache
