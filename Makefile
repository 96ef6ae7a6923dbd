# make help lists what there is to do.

PYTHON := $(shell for p in python3.11 python3.12 python3.13 python3.14 python3 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo "$$p" && break; done)
VENV := .venv
BIN := $(VENV)/bin

# Handed to `manage.py up` by the shell, so that any file name will do; REDIS_URL, DATABASE_URL, SOURCES and all else that
# .env.example names reach it as environment.
LIBRARY ?=
CATALOGUE ?=
ONCE ?=
PORT ?= 8000
# A third process more than pays: of a test that starts servers, a part is waiting.
PYTEST ?= -n 3 --dist worksteal -q
export LIBRARY CATALOGUE PORT

.DEFAULT_GOAL := help
.PHONY: help run test lint types style layers migrations bench chaos storm clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/installed ## Start everything, import LIBRARY= (or the sample), serve until Ctrl-C (ONCE=1: until the import is done)
	@exec $(BIN)/python -u manage.py up --port "$$PORT" $(if $(filter-out 0,$(ONCE)),--once) \
		$${LIBRARY:+--library "$$LIBRARY"} $${CATALOGUE:+--catalogue "$$CATALOGUE"}

test: $(VENV)/installed-dev lint ## Check and test everything, on SQLite and on PostgreSQL (PYTEST= for its options)
	@$(BIN)/python -m tests.run $(PYTEST)

lint: $(VENV)/installed-dev ## Check style, types, imports between the parts, and missing migrations
	@$(MAKE) --no-print-directory --jobs types style layers migrations

types:
	$(BIN)/mypy

style:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

layers:
	$(BIN)/lint-imports

migrations:
	DATABASE_URL=sqlite://:memory: $(BIN)/python manage.py makemigrations --check --dry-run

bench: $(VENV)/installed-dev ## Measure, and print each figure with its bound
	@$(BIN)/python -m tests.bench $(ARGS)

chaos: $(VENV)/installed-dev ## Kill parts in the middle of all three flows and count what was lost (an hour; KILLS= and CRASHES= make it longer or shorter)
	@$(BIN)/python -m tests.chaos $(if $(KILLS),--kills $(KILLS)) $(ARGS)
	@$(BIN)/python -m pytest -q -m chaos tests
	@SCHEMA_BOUNDS=1 $(BIN)/python -m pytest -q -m "hypothesis and not chaos" --hypothesis-profile searching tests

storm: $(VENV)/installed-dev ## The part of chaos that CI runs: 100 kills in the middle of imports
	@$(BIN)/python -m tests.chaos --only storm --kills $(or $(KILLS),100) $(ARGS)

clean: ## Remove what was installed and built; data in var/ stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .import_linter_cache .hypothesis

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is missing. Install it (Debian, Ubuntu: apt-get install python3.11 python3.11-venv) and run make again." >&2; exit 1; }
	@"$(PYTHON)" -m venv $(VENV) || { rm -rf $(VENV); echo "$(PYTHON) cannot make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }

$(VENV)/installed: requirements.txt | $(VENV)/bin/python
	@$(call install,$<)

$(VENV)/installed-dev: requirements-dev.txt requirements.txt | $(VENV)/bin/python
	@$(call install,$<)
	@touch $(VENV)/installed

# The whole of pip's words are kept, so that the line on the terminal can be short.
define install
echo "Installing $(1) ..."; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --retries 2 --requirement $(1) > $(VENV)/pip.log 2>&1 \
	|| { echo "pip could not install $(1): is there a network, or a mirror (PIP_INDEX_URL)? Its words: $(VENV)/pip.log" >&2; exit 1; }; \
	touch $@
endef
