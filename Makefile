# make demo   train a model on real handwriting and open the page it leaves (about 3 minutes)
# make test   everything that must hold: lint, types, tests
# make lint   only the first part of that
#
# Each needs Python 3.11 or newer and nothing else: the first call makes .venv and installs into it.
# `make test PYTHON=python3.12` chooses the interpreter; `PIP_ARGS="..."` goes to pip install.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
READY := .venv/.installed

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test lint install
.DEFAULT_GOAL := install

demo: $(READY)
	@$(BIN)/sfumato demo

test: lint
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -n auto --dist loadfile $(PYTEST_ARGS)

lint: $(READY)
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

install: $(READY)

# The stamp is written last, so an interrupted installation starts again.
$(READY): pyproject.toml
	@$(or $(PYTHON),false) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed; found $$($(or $(PYTHON),python3) --version 2>&1 | head -1)." \
		"Install one, or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { rm -rf .venv; \
		echo "$(PYTHON) cannot make virtual environments; on Debian: apt install python3-venv" >&2; \
		exit 1; }
	@$(BIN)/python -c 'import pip; sys = __import__("sys"); \
		sys.exit(int(pip.__version__.split(".")[0]) < 22)' || $(BIN)/python -m pip install -q -U pip
	@echo "installing into .venv (torch is large: minutes the first time)"
	@$(BIN)/python -m pip install $(PIP_ARGS) -e ".[dev]"
	@touch $@
