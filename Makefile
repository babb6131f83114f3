# `make help` lists the targets.
# the first of these that is there and runs
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
AUDIT := build/audit
STORES := build/stores
SITE := build/site-tools
.DEFAULT_GOAL := help
# compiled modules are kept: without them every process of a test compiles ours again, which takes 0.7 s
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup run test check unit mutants torture crashes histories dbt-build lint lint-python lint-sql ui audit stores site lock tables-page internal-tables-page feed-columns-page language-page reasons-page curves-page lineage bench bench-growth bench-changes bench-scenarios clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/'

# with uv, from the machine or from pip, and the machine's certificates; where uv cannot reach the packages, as pip is set up
$(STAMP): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Tierledger needs Python 3.11, 3.12 or 3.13 on the path, or named: make setup PYTHON=/path/to/python3.12"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@command -v uv >/dev/null || test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv || true
	@export UV_NATIVE_TLS=1; UV=$$(command -v uv || echo $(BIN)/uv); \
	  $$UV pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock || \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --compile --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -c 'from assets.transform.dbt import load_manifest; load_manifest(); load_manifest(has_tests=False)'
	@touch $@

setup: $(STAMP)  ## make the environment in .venv

run: setup  ## write the demo book, run it, print the summary
	@$(BIN)/tierledger demo

# the files in their order: those that take longest come first, so that no worker waits for the other at the end
test: setup stores  ## all tests in their short forms, some 15 minutes; closes with what passed, what was skipped and why
	@$(BIN)/python -m pytest -m "not long" -n auto --dist loadfile --no-loadscope-reorder

mutants: setup  ## break the program on purpose and see that the tests notice (over an hour)
	@$(BIN)/python -m tests.tools.mutants

torture: setup  ## the program against the reference on random books, then bad files, the long tests, machines that fail and the histories (TORTURE="--help" lists the options)
	@$(BIN)/python -m tests.torture $(TORTURE)
	@$(if $(TORTURE),:,$(BIN)/python -m tests.faults.injection)
	@$(if $(TORTURE),:,$(BIN)/python -m pytest -m long -n auto --dist loadfile)
	@$(if $(TORTURE),:,$(BIN)/python -m tests.faults.limits)
	@$(if $(TORTURE),:,$(MAKE) -s crashes)
	@$(if $(TORTURE),:,$(BIN)/python -m tests.histories)

crashes: setup  ## kill -9 at every step, full disks, damaged files, readers during a publish; each prints its scorecard (three hours of CPU)
	@$(BIN)/python -m tests.faults.kills
	@$(BIN)/python -m tests.faults.payments
	@$(BIN)/python -m tests.faults.full_disks
	@$(BIN)/python -m tests.faults.small_disks
	@$(BIN)/python -m tests.faults.corruption
	@$(BIN)/python -m tests.faults.readers

histories: setup  ## 1,000 random histories of 40 events; given again, it goes on where it was (HISTORIES="--help")
	@$(BIN)/python -m tests.histories $(HISTORIES)

dbt-build: setup  ## build the dbt models of the demo book, or of BOOK=folder, with all data and unit tests
	@$(BIN)/python -m tests.tools.dbt_build $(BOOK)

check: setup  ## what to run before every commit: lint and the unit tests side by side, under 90 seconds
	@$(MAKE) -s -j 2 lint unit

unit: setup
	@$(BIN)/python -m pytest tests/unit -n auto

lint: setup  ## style, types, layers, SQL
	@$(MAKE) -s -j 2 lint-python lint-sql

lint-python:
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

lint-sql:
	@$(BIN)/sqlfluff lint --nocolor --disable-progress-bar dbt_project/models

ui: setup  ## Dagster's web page on the demo book
	@$(BIN)/tierledger ui

# environments of their own: build/<name> from <name>.lock
build/%/.installed: %.lock
	@$(BIN)/python -m venv build/$*
	@export UV_NATIVE_TLS=1; UV=$$(command -v uv || echo $(BIN)/uv); \
	  $$UV pip install --quiet --compile-bytecode --python build/$*/bin/python --require-hashes -r $*.lock || \
	  build/$*/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $*.lock
	@touch $@

audit: setup $(AUDIT)/.installed  ## known weaknesses of the dependencies, and all of them with their hashes in build/sbom.json (CycloneDX)
	@$(BIN)/python -m tests.tools.audit $(AUDIT)/bin

stores: setup $(STORES)/.installed  ## the servers of object stores that tests run against, in build/stores (300 MB; without them those tests are skipped)

site: setup $(SITE)/.installed  ## the documentation as a site that opens from a disk, in build/site
	@$(BIN)/python -m pipelines.pages.site
	@$(SITE)/bin/mkdocs build --strict --quiet && echo "build/site/index.html"

lock:  ## write requirements.lock and the locks of other environments from pyproject.toml
	@uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --group dev --no-header pyproject.toml -o requirements.lock
	@uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --group audit --no-header -o audit.lock
	@uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --group stores --no-header -o stores.lock
	@uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --group site-tools --no-header -o site-tools.lock

lineage: setup  ## write assets/lineage/program.json: where the columns of models and calculation come from
	@$(BIN)/python -m pipelines.pages.program_lineage

tables-page: setup  ## write docs/tables.md from the descriptions of the tables
	@$(BIN)/python -m pipelines.pages.tables

internal-tables-page: setup  ## write docs/internal-tables.md from the descriptions of the tables below the marts
	@$(BIN)/python -m pipelines.pages.internal_tables

feed-columns-page: setup  ## write docs/feed-columns.md from the columns of the feeds
	@$(BIN)/python -m pipelines.pages.feed_columns

language-page: setup  ## write docs/language-reference.md from the types of the language
	@$(BIN)/python -m pipelines.pages.language

reasons-page: setup  ## write docs/reasons.md from the reasons of rejected rows
	@$(BIN)/python -m pipelines.pages.reasons

curves-page: setup  ## draw the pictures of docs/curves.md from the YAML under them
	@$(BIN)/python -m pipelines.pages.curves

bench: setup  ## measure against the rivals (BENCH="--help" lists the options, here and below)
	@$(BIN)/python -m benchmarks.run $(BENCH)

bench-growth: setup  ## measure full runs from 1 to 100 million lines, and draw their growth
	@$(BIN)/python -m benchmarks.growth $(BENCH)

bench-changes: setup  ## measure a run after one more day, a correction, a new rate …
	@$(BIN)/python -m benchmarks.rerun $(BENCH)

bench-scenarios: setup  ## measure a small book, many agreements, many payouts
	@$(BIN)/python -m benchmarks.scenarios $(BENCH)

clean:  ## remove what can be made again
	@rm -rf $(VENV) build dist *.egg-info
