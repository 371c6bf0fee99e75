# Milepost. Needs Python 3.11 or later and make; everything else is prepared under .venv and .local.
#
#   make up       start the local stack in the background (again: no harm)
#   make down     stop it; WIPE=1 also forgets its data and its clock
#   make demo     up + a sample year + a summary with links
#   make test     all tests, in WORKERS (2) processes; ARGS="-k deals" passes options on
#   make check    lint, format, types, imports
#   make bench    the benchmarks of docs/performance.md
#   make documents  the documents of the doors, docs/api, from the stack that is up
#
# PYTHON=… names the Python to build .venv with.

.DEFAULT_GOAL := help
.PHONY: help up down status demo test check format bench documents lock clean

PY := .venv/bin/python
READY := .venv/.prepared
ARGS ?=
WORKERS ?= 2

help:
	@sed -n 's/^#   //p' Makefile

# Runs again only when the lock is newer than what was made of it, or a Python is asked for.
$(READY): requirements/dev.txt deploy/prepare.py $(if $(PYTHON),FORCE)
	@for python in $(PYTHON) python3 python3.13 python3.12 python3.11 python3.14 python; do \
		if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			exec "$$python" deploy/prepare.py; \
		fi; \
	done; \
	echo "error: no Python 3.11 or later found; name one: make PYTHON=/path/to/python3" >&2; exit 1

FORCE:

up: $(READY)
	@$(PY) -m deploy.local up

down: $(READY)
	@$(PY) -m deploy.local down $(if $(WIPE),--wipe)

status: $(READY)
	@$(PY) -m deploy.local status

# A stack made for the demo starts ten months ago; a stack that is there keeps its clock.
demo: $(READY)
	@MILEPOST_CLOCK="$${MILEPOST_CLOCK:-$$($(PY) -m deploy.demo --clock)}" $(PY) -m deploy.local up
	@$(PY) -m deploy.demo

test: $(READY)
	$(PY) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(READY)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	.venv/bin/lint-imports

format: $(READY)
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

bench: $(READY)
	$(PY) -m bench $(ARGS)

documents: up
	$(PY) -m deploy.documents

# Writes the locks anew from requirements/*.in, for every Python from 3.11 on, without addresses.
lock: $(READY)
	$(PY) deploy/prepare.py lock

clean: down
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
