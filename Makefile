# Two commands matter: `make up` and `make test`. The rest serves those who work on Bascule.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
P      ?= .
ARGS   ?=

.PHONY: up down demo test check t bless bench engines clean

up: $(STAMP)  ## set everything up and start the platform in the background
	@$(BIN)/bascule up $(ARGS)

down: $(STAMP)  ## stop the platform; its data stays
	@$(BIN)/bascule down $(ARGS)

demo: $(STAMP)  ## the story in two minutes: the bridge raised, the control plane killed, nothing stops
	@$(BIN)/bascule demo $(ARGS)

test: $(STAMP) engines  ## set up and run every check and test
	@$(MAKE) --no-print-directory check
	@$(BIN)/python -m pytest $(ARGS)

check: $(STAMP)  ## format, lint, types, import contracts
	@$(BIN)/ruff format --check --quiet . || { echo "run: $(BIN)/ruff format ."; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/lint-imports --no-logo 2>/dev/null | grep -E 'BROKEN|Contracts:|->|is not allowed|missing' ; test $${PIPESTATUS[0]} -eq 0
	@$(BIN)/mypy --no-error-summary

t: $(STAMP)  ## one package's tests: make t P=control/store
	@$(BIN)/python -m pytest tests/unit/$(P) $(wildcard tests/contracts/$(P)) $(ARGS)

bless: $(STAMP)  ## rewrite the goldens
	@BASCULE_BLESS=1 $(BIN)/python -m pytest tests/unit tests/contracts -q $(ARGS)

bench: $(STAMP)  ## ratios in one run, into bench/results/
	@$(BIN)/python -m bench $(ARGS)

engines: $(STAMP)  ## containerd, runc, CNI plugins, nftables, Envoy: installed when missing and permitted
	@$(BIN)/bascule doctor --install

$(STAMP): pyproject.toml requirements/constraints.txt
	@echo "setting up the Python environment in $(VENV) (once; a minute or two)"
	@$(PYTHON) -m venv $(VENV) || { echo "no venv module: apt-get install python3-venv"; exit 1; }
	@$(BIN)/pip install --disable-pip-version-check -c requirements/constraints.txt -e '.[dev]' \
	  | grep --line-buffered -E '^(Collecting|Building|Installing|Successfully|ERROR)' | cut -c1-100; \
	  test $${PIPESTATUS[0]} -eq 0
	@touch $(STAMP)

clean:
	rm -rf $(VENV) .engines .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

SHELL := /bin/bash
