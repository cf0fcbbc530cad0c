# Two commands are all that a person needs: `make demo` and `make test`.
# Both make the virtual environment themselves; PYTHON names another interpreter than python3.11.

PYTHON ?= python3.11
VENV   ?= .venv
PORT   ?= 8000
BIN    := $(VENV)/bin

.PHONY: demo models test browser-test lint types contracts bench screenshot js clean check-python
.DEFAULT_GOAL := help

help:
	@echo "make demo        the app with a demo project on http://127.0.0.1:$(PORT)"
	@echo "make test        the tests"
	@echo "make models      what the engines with weights need (optional)"
	@echo "make bench       speed and accuracy, as a table and in LOUPE_HOME/bench.json"
	@echo "make lint types contracts browser-test screenshot js clean"

check-python:
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
	  echo "Loupe needs Python 3.11 and there is no $(PYTHON) here. On Debian 12: apt install python3.11 python3.11-venv; or name one with make PYTHON=/path/to/python3.11."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { \
	  echo "Loupe needs Python 3.11; $(PYTHON) is $$($(PYTHON) -V 2>&1). Name another one with make PYTHON=/path/to/python3.11."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make a virtual environment. On Debian: apt install python3.11-venv."; exit 1; }

# The stamp holds the requirements it was made from, so that starting again is quick and a changed pin is noticed.
$(VENV)/server.stamp: requirements.txt | check-python
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing what the server needs (about a minute the first time) …"
	@$(BIN)/pip install --quiet --disable-pip-version-check --prefer-binary -r requirements.txt || { \
	  echo "Installing failed. Is the package index reachable? If a package had to be compiled, install a compiler: apt install build-essential."; exit 1; }
	@touch $@

$(VENV)/tests.stamp: tests/requirements.txt $(VENV)/server.stamp
	@echo "Installing what the tests need …"
	@$(BIN)/pip install --quiet --disable-pip-version-check --prefer-binary -r tests/requirements.txt || { \
	  echo "Installing failed. Is the package index reachable?"; exit 1; }
	@touch $@

demo: $(VENV)/server.stamp
	@exec $(BIN)/python manage.py up --demo --port $(PORT)

# Engines with weights are optional; the weights themselves are laid into LOUPE_WEIGHTS, one folder for each.
$(VENV)/models.stamp: enrichment/requirements.txt $(VENV)/server.stamp
	@echo "Installing what the engines with weights need (several minutes the first time) …"
	@$(BIN)/pip install --quiet --disable-pip-version-check --prefer-binary -r enrichment/requirements.txt || { \
	  echo "Installing failed. Is the package index reachable?"; exit 1; }
	@touch $@

models: $(VENV)/models.stamp

test: $(VENV)/tests.stamp
	@$(BIN)/python -m pytest -m "not browser" $(ARGS)

# A browser on a busy machine now and then misses a deadline: a test may try twice, and the summary says which did.
browser-test: $(VENV)/tests.stamp
	@$(BIN)/python -m pytest -m browser --reruns 1 -rR $(ARGS)

lint: $(VENV)/tests.stamp
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@git ls-files 'templates/*.html' | xargs -r $(BIN)/djade --target-version 5.2 --check
	@$(BIN)/djlint --quiet --lint templates

types: $(VENV)/tests.stamp
	@$(BIN)/mypy config annotation enrichment review delivery frontend

contracts: $(VENV)/tests.stamp
	@$(BIN)/lint-imports

js: frontend/node_modules
	@cd frontend && npm run --silent check && npm run --silent test

frontend/node_modules: frontend/package.json
	@cd frontend && npm install --no-audit --no-fund --silent && touch node_modules

bench: $(VENV)/tests.stamp
	@$(BIN)/python -m benchmarks

screenshot: $(VENV)/tests.stamp
	@$(BIN)/python -m tests.browser.screenshot

clean:
	@rm -rf $(VENV) frontend/node_modules
