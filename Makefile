# Every target first makes .venv fit pyproject.toml (tools/environment.py).
PYTHON ?= $(shell command -v python3.11 || command -v python3)
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: help environment demo test results slow check format clean

help: ## what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

environment: ## make .venv fit pyproject.toml
	@$(PYTHON) tools/environment.py

demo: environment ## recordings to a served voice (GANRAY_CORPUS=DIR for your own)
	ganray demo

check: environment ## lint and types
	ruff check .
	ruff format --check .
	mypy

test: check ## lint, types and all tests
	python -m pytest -n 2 --dist loadfile

results: environment ## docs/results.md and its page, from the measurements in docs/results/
	@python tools/results.py

slow: environment ## the tests that take minutes: nodes that die and come, long runs
	python -m pytest -m slow

format: environment ## put the code into its one form
	ruff check --fix .
	ruff format .

clean: ## remove what can be made again
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache build dist
