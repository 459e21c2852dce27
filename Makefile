# Two commands: `make run` from a fresh clone to a live search, `make test` for everything that must hold.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3)
# One more than cores: tests that wait for processes leave time to others.
JOBS ?= $(shell cpus=$$(nproc 2>/dev/null || sysctl -n hw.ncpu || echo 1); echo $$((cpus < 4 ? cpus + 1 : 4)))
export PYTHON VENV

.PHONY: help setup run test lint types layers tests bench-spaces bench-verdict bench-finetune bench-similarity bench-dashboard bench-demo bench-drill bench-serving bench-soak bench-exports zoo-page clean

help: ## List the targets
	@echo "Nasturtium: a self-hosted neural architecture search service"
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## Make .venv and install into it (again only when pyproject.toml changed)
	@echo "$(VENV) is ready"

$(STAMP): pyproject.toml .ci/setup
	@bash .ci/setup
	@touch $@

run: $(STAMP) ## Start the service on 127.0.0.1:8000 with a first search (Ctrl-C stops it)
	@exec $(BIN)/nas serve --demo

test: lint types layers tests ## Run lint, types, layers and all tests

lint: $(STAMP) ## ruff: rules and formatting
	@echo "== ruff"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet . || { echo "run: $(BIN)/ruff format ."; exit 1; }

types: $(STAMP) ## mypy, strict, on the three packages
	@echo "== mypy"
	@$(BIN)/mypy

layers: $(STAMP) ## import-linter: service -> nas -> searchspaces
	@echo "== import-linter"
	@$(BIN)/lint-imports --no-logo

tests: $(STAMP) ## pytest alone, in JOBS processes (JOBS=0: in one, for a debugger)
	@echo "== pytest, $(JOBS) processes"
	@$(BIN)/pytest -q -n $(JOBS) --dist loadscope --no-loadscope-reorder --max-worker-restart=0

bench-spaces: $(STAMP) ## Hold every search space to its bars on thousands of architectures (hours)
	@$(BIN)/python benchmarks/spaces.py

bench-verdict: $(STAMP) ## How often the verdict is right, on true and on shuffled tables (an hour)
	@$(BIN)/python benchmarks/verdict.py

bench-finetune: $(STAMP) ## Fine-tuning in four cases: which strategy wins, which is recommended (an hour)
	@$(BIN)/python benchmarks/finetune.py

bench-similarity: $(STAMP) ## How far maps shift on images of the same kind and of others (a quarter of an hour)
	@$(BIN)/python benchmarks/similarity.py

bench-demo: $(STAMP) ## Time make run: to the first trial, to the exported model
	@$(BIN)/python benchmarks/demo.py

bench-dashboard: $(STAMP) ## The page of a search with 100,000 trials: main thread, memory, bytes, rows (two minutes)
	@$(BIN)/python benchmarks/dashboard.py

bench-drill: $(STAMP) ## Search on DATA=images.zip while its processes are killed at random
	@$(BIN)/python benchmarks/kill_drill.py --data $(DATA)

zoo-page: $(STAMP) ## Write the record of the zoo, the tables and plots of docs/zoo.md anew
	@$(BIN)/python benchmarks/zoo_page.py

bench-serving: $(STAMP) ## How fast the API classifies, alone and together (two minutes)
	@$(BIN)/python benchmarks/serving.py

bench-soak: $(STAMP) ## 10,000 requests from 50 clients, events to 200 listeners (three minutes)
	@$(BIN)/python benchmarks/soak.py

bench-exports: $(STAMP) ## Every network in every export format (hours; goes on where it was)
	@$(BIN)/python benchmarks/exports.py

clean: ## Remove caches and build outputs (.venv and your data stay)
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage *.egg-info
	find nas service searchspaces tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
