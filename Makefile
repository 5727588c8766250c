# Everything runs in .venv, which the first target that needs it makes from requirements/dev.txt.
# ARGS goes to the command: make test ARGS="tests/temporal -k server"

BIN := .venv/bin
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help venv server test-server browser pandas-ta demo test lint lint-style lint-format lint-mypy lint-pyright format docs bench soak pins clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: ## Make .venv from the pinned requirements (instant when it is up to date)
	@scripts/bootstrap

server: venv ## Find a Temporal server, or fetch one into the user's cache folder
	@$(BIN)/python -m optarb.temporal.server fetch || echo "server: none; the tests that need one will be skipped" >&2

test-server: ## Find Temporal's test server that skips time, or fetch one
	@scripts/find-test-server --fetch || echo "test server: none; the tests of whole days by real timers will be skipped" >&2

browser: venv ## Find a Chromium, or install one (Debian's package as root, else Playwright's)
	@scripts/find-browser --fetch || echo "browser: none; the tests that need one will be skipped" >&2

pandas-ta: ## Make the environment in which the indicators are compared with pandas-ta
	@scripts/pandas-ta-env || echo "pandas-ta: none; the tests that need it will be skipped" >&2

demo: venv ## Run a first backtest on real S&P 500 bars
	$(BIN)/optarb demo $(ARGS)

test: server test-server browser pandas-ta ## Run the tests and every snippet of the documentation
	$(BIN)/python -m pytest $(ARGS)

lint: lint-style lint-format lint-mypy lint-pyright ## Check style, format and types (-k goes on after a failure)

lint-style: venv
	$(BIN)/ruff check .

lint-format: venv
	$(BIN)/ruff format --check .

lint-mypy: venv
	$(BIN)/mypy

lint-pyright: venv
	$(BIN)/pyright --pythonpath $(BIN)/python

format: venv ## Format the code and apply safe fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: venv ## Build the documentation; warnings are errors
	$(BIN)/sphinx-build -W -n --keep-going -b html docs docs/_build/html

bench: venv ## Measure speed and memory against the references
	$(BIN)/python -m benchmarks $(ARGS)

soak: server ## Kill and restart workers for a long time and compare the books
	$(BIN)/python -m pytest -m soak $(ARGS)

PINS = $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
    --no-annotate --no-header --no-emit-index-url --quiet

pins: venv ## Resolve the files of requirements/ anew
	$(PINS) --upgrade --group dev --extra demo --extra ml --extra postgres --extra redis --extra report --output-file requirements/dev.txt
	$(PINS) --constraint requirements/dev.txt --output-file requirements/base.txt
	echo "pandas-ta==0.4.71b0; python_version < '3.14'" | $(BIN)/uv pip compile - --universal --python-version 3.12 \
	    --generate-hashes --no-annotate --no-header --no-emit-index-url --quiet --output-file requirements/pandas-ta.txt

clean: ## Remove .venv, builds and caches
	rm -rf .venv .venv-pandas-ta build dist docs/_build .hypothesis .mypy_cache .pytest_cache .ruff_cache .optarb
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
