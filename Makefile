# `make demo` shows what evallint finds, `make test` checks everything, `make site` builds the documentation.

PYTHON ?= python3
BIN := .venv/bin
CHECKED := $(wildcard src tests scripts benchmarks)

.PHONY: demo test site clean

demo: .venv/installed
	$(BIN)/evallint examples --exit-zero

test: .venv/installed-dev
	$(BIN)/ruff check $(CHECKED)
	$(BIN)/ruff format --check $(CHECKED)
	$(BIN)/mypy $(CHECKED)
	$(BIN)/pytest --numprocesses auto
	$(BIN)/evallint $(CHECKED)

site: .venv/installed-docs
	$(BIN)/python scripts/build_site.py

clean:
	rm -rf .venv build/site .evallint_cache .mypy_cache .pytest_cache .ruff_cache

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

.venv/installed-docs: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	touch $@
