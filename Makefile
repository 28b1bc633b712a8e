# make demo   sets everything up, trains, simulates, compares, and says where the report is
# make test   sets everything up and passes every test that is not slow: two at a time, then those that start processes
# make bench  prints the figures; make docs builds the site in docs/_build/html
# make lint   checks the form; make clean removes what the others made

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Further words for pytest, the demo or the benchmarks: make test ARGS="-k verify"
ARGS :=

# The first Python that is new enough; `make PYTHON=/path/to/python3.12 ...` takes another.
PYTHON ?= $(firstword $(foreach python,python3 python3.14 python3.13 python3.12 python3.11,$(shell \
  $(python) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(python))))

.PHONY: demo test bench docs lint setup clean
.DEFAULT_GOAL := test

demo: setup
	@$(BIN)/ampsim demo --force $(ARGS)

test: setup
	@status=0; $(BIN)/python -m pytest -m "not slow and not alone" -n 2 $(ARGS) || status=$$?; \
	$(BIN)/python -m pytest -m "not slow and alone" $(ARGS) || other=$$?; \
	case "$$status $${other:-0}" in "0 0"|"0 5"|"5 0") ;; *) exit 1 ;; esac

bench: setup
	@test -d benchmarks || { echo "there is no folder benchmarks/" >&2; exit 2; }
	@status=0; for file in benchmarks/[!_]*.py; do echo "== $$file"; name=$${file##*/}; \
	  $(BIN)/python -m "benchmarks.$${name%.py}" $(ARGS) || status=1; done; exit $$status

# Warnings are errors, and all that Sphinx has to say is said. What stands in docs/_build needs no network.
docs: setup
	@$(BIN)/python -c 'import furo, myst_parser, sphinx_click' 2>/dev/null || \
	  $(BIN)/python -m pip install -qq --editable '.[docs]' >&2
	@$(BIN)/python -m sphinx -b html -q -W --keep-going docs docs/_build/html $(ARGS)
	@echo "site: docs/_build/html/index.html"

# All four, even after a failure: one run tells everything.
lint: setup
	@status=0; for tool in "ruff check ." "ruff format --check ." mypy lint-imports; do \
	  echo "== $$tool"; $(BIN)/$$tool || status=1; done; exit $$status

setup: $(STAMP)

# Set up again only when the list of what to install has changed; a half-made environment has no stamp.
$(STAMP): pyproject.toml
	@test -L ampsim/hw || { printf '%s\n' \
	  "ampsim/hw is no link: this checkout was made without symbolic links." \
	  "  do: git config --global core.symlinks true, then clone again" >&2; exit 2; }
	@test -n "$(PYTHON)" || { printf '%s\n' \
	  "no Python 3.11 or newer was found on PATH." \
	  "  do: install one, or name it: make PYTHON=/path/to/python3.12 ..." >&2; exit 2; }
	@echo "setting up $(VENV) with $(PYTHON): about a minute, once" >&2
	@if ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
	  if $(PYTHON) -c 'import ensurepip' 2>/dev/null; then \
	    $(PYTHON) -m venv --clear $(VENV); \
	  else \
	    $(PYTHON) -m venv --clear --without-pip $(VENV) && \
	    $(PYTHON) -m pip -qq --python $(BIN)/python install pip; \
	  fi || { printf '%s\n' \
	    "$(PYTHON) cannot make a virtual environment: it has neither ensurepip nor pip 22.3 or newer." \
	    "  do: apt-get install python3-venv (or python3-pip), then make again" >&2; exit 2; }; \
	fi
	@$(BIN)/python -m pip install -qq --editable '.[dev]' >&2 || { printf '%s\n' \
	  "pip could not install what pyproject.toml lists; its message stands above." \
	  "  do: check the network and pip's index, then make again" >&2; exit 2; }
	@touch $@

clean:
	rm -rf $(VENV) build dist docs/_build *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
