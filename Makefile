# `make demo` and `make test` set everything up themselves; nothing is installed twice.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Tests start many processes, none of which need compile our modules anew.
export PYTHONDONTWRITEBYTECODE :=
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help setup setup-test demo test test-slow torture lint bench study-entropy study-agreement study-recovery study-worth census agreement table-edges table-ranges gpu clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

$(VENV)/.base: pyproject.toml constraints.txt
	@echo "installing actsearch into $(VENV) (torch is large: this takes a few minutes once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(INSTALL) --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.base
	@echo "installing what the tests need into $(VENV)"
	@$(INSTALL) --editable '.[test]'
	@touch $@

setup: $(VENV)/.base ## create .venv and install actsearch with pinned versions
setup-test: $(VENV)/.test ## the same with everything the tests need

demo: setup ## a real campaign in a few minutes, ending with front, evidence and exported file
	@$(BIN)/actsearch launch --preset quick

test: setup-test ## the test suite, about 10 minutes on 2 cores
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -q -m "not bench and not gpu and not slow and not torture"

test-slow: setup-test ## the tests that take minutes: nodes lost, kills at random, an installed wheel, whole lists
	@$(BIN)/python -m pytest -n 2 --dist loadfile -q -m slow

torture: setup-test ## kills at 50 random moments, full disks, lost workers and heads: about 20 minutes on 2 cores
	@$(BIN)/python -m pytest tests/torture -m torture -s -q

lint: setup-test ## ruff and mypy --strict
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

bench: setup-test ## measured claims, slower than the tests
	@$(BIN)/python -m pytest tests/benchmarks -m bench -s -q

study-entropy: setup-test ## what each zero-cost score is worth: 40 minutes on 2 cores, resumable
	@$(BIN)/python -m search.studies.entropy

study-agreement: setup-test ## which tasks can tell good functions apart, and by which score: 90 minutes on 2 cores, resumable
	@$(BIN)/python -m search.studies.telling

study-recovery: setup-test ## which known functions a search finds again from their values: hours on 2 cores, resumable
	@$(INSTALL) --editable '.[study]'
	@$(BIN)/python -m search.studies.recovery

study-worth: setup-test ## what each feature is worth to the model that chooses: 25 minutes on 2 busy cores, partly resumable
	@$(BIN)/python -m search.studies.worth

census: setup-test ## what a swap does in networks of timm, torchvision and transformers: an hour, resumable
	@$(BIN)/python -m search.studies.census

agreement: setup-test ## whether arrays and formulas judge trees alike: 8 minutes on 2 cores
	@$(BIN)/python -m search.studies.agreement

table-edges: setup-test ## what 40 activations give at infinities, nan, zeros and joints here and elsewhere: a minute
	@$(BIN)/python -m search.studies.edges

table-ranges: setup-test ## how far out value and slope of known activations and 2,000 random ones are right: ten minutes
	@$(BIN)/python -m search.studies.ranges

gpu: ## what only a GPU can tell, in a table: any Python with torch 2.11 and CUDA, as PYTHON=; OUT= for its folder
	@OUT="$(OUT)" $(PYTHON) -m tests.gpu

clean: ## remove .venv and caches, keep campaigns
	@rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis build *.egg-info
