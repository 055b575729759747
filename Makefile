# make demo   the whole way on data that ships inside a dependency, into runs/demo
# make test   the tests;  make test-all: with the long matrices
# make lint   ruff and pyright
# make docs   the pages of docs/ as a site, into build/site
# Each sets up .venv by itself; PYTHON names another interpreter, 3.11 or newer.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo test test-all lint format docs

demo: $(READY)
	$(BIN)/kerascnn demo --out runs/demo

test: $(READY)
	$(BIN)/pytest -n 2 --dist loadfile

test-all: $(READY)
	$(BIN)/pytest -n 2 --dist loadfile -m "full or not full"

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet -c constraints.txt -e ".[dev]"
	touch $@
