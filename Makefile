# Everything the project can do; `make` alone explains it.
#
# Settings, given as `make quickstart PYTHON=python3.12`:
PYTHON ?= python3
VENV ?= .venv
# The version that the results in docs/results were measured with; pyproject.toml says which others will do.
TORCH ?= torch==2.13.0
# An index that has the build of torch you want, say the CPU build on Linux; empty: pip's own choice.
TORCH_INDEX ?=
# A file of exact versions, such as .ci/requirements.lock; empty: the newest that pyproject.toml allows.
CONSTRAINTS ?=
# Processes for the tests; each takes one thread.
PROCESSES ?= 2
# Folder of WordNet's database files, for `make samples`.
WORDNET ?= /usr/share/wordnet

BIN := $(VENV)/bin
COMPACT := --set state_dims=64
INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev
PYTEST := OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false $(BIN)/python -m pytest -q -n $(PROCESSES) --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help quickstart explore notebooks install install-dev test test-fast fuzz kill lock lint wheel samples runs clean

help:  ## this page
	@echo "lmindexer: learn, see and judge semantic IDs"
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "To begin:            make quickstart"
	@echo "With torch for CPUs: make quickstart TORCH_INDEX=<address of the CPU index>   (see README.md)"
	@echo "A file of your own:  $(BIN)/lmindexer fit --help"
	@echo "Change the code:     docs/architecture.md says where; then make lint test-fast"

quickstart: $(INSTALLED)  ## install, learn IDs for WordNet (about 5 minutes on 2 cores, all told), report
	$(BIN)/lmindexer fit wordnet --run runs/wordnet
	@echo "or:  make explore"

explore: $(INSTALLED)  ## open the explorer on the bundled runs and those in runs/
	$(BIN)/lmindexer explore

notebooks: $(INSTALLED_DEV)  ## execute the course anew at full length, times into notebooks/README.md
	TOKENIZERS_PARALLELISM=false $(BIN)/python notebooks/build.py

install: $(INSTALLED)  ## create .venv and install the package in it, in place

install-dev: $(INSTALLED_DEV)  ## the same with what tests, lint and builders need

test: $(INSTALLED_DEV)  ## every test (at most 15 minutes on 2 cores)
	$(PYTEST)

test-fast: $(INSTALLED_DEV)  ## the tests that take less than ten seconds each
	$(PYTEST) -m "not long"

fuzz: $(INSTALLED_DEV)  ## 2,000 broken corpora, 500 each of broken raw folders, runs and studies; a short run is part of test
	$(BIN)/python tests/fuzz/corpora.py --count 2000
	$(BIN)/python tests/fuzz/raw_folders.py --count 500
	$(BIN)/python tests/fuzz/bundles.py --count 500
	$(BIN)/python tests/fuzz/studies.py --count 500

kill: $(INSTALLED_DEV)  ## fits, encodings and recommenders killed at 50 random moments each; a short run is part of test
	$(BIN)/python tests/kill/killing.py --kills 50

lock: $(INSTALLED_DEV)  ## write the versions that are installed to .ci/requirements.lock, which .ci/run installs
	{ echo "# Python $$($(BIN)/python -c 'import platform; print(platform.python_version())'). Made by: make lock"; \
	  $(BIN)/python -m pip freeze --exclude-editable | sed 's/+cpu$$//' | grep -v ' @ '; } > .ci/requirements.lock

lint: $(INSTALLED_DEV)  ## ruff
	$(BIN)/ruff check .

wheel: $(INSTALLED_DEV)  ## dist/lmindexer-….whl, with the bundled corpora, the finished runs and the explorer
	$(BIN)/python -m build --wheel --no-isolation

samples: $(INSTALLED_DEV)  ## make the bundled corpora again from their sources
	$(BIN)/python data_samples/wordnet/build.py --source $(WORDNET)
	$(BIN)/python data_samples/attack/build.py

runs: $(INSTALLED)  ## make the bundled finished runs and the demonstration study again
	$(BIN)/lmindexer fit wordnet --run data_samples/runs/wordnet $(COMPACT) --restart
	$(BIN)/lmindexer fit attack --run data_samples/runs/attack --set codebook_size=16,8,8 $(COMPACT) --restart
	$(BIN)/python data_samples/runs/build_tasks.py
	$(BIN)/python data_samples/studies/build.py

clean:  ## remove what was built and cached; .venv and runs/ stay
	rm -rf build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

# A stamp is made when everything before it went well; it is made again when pyproject.toml changes.
$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; name one, as in: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@$(BIN)/python -m pip --version > /dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@test -n "$(TORCH_INDEX)" -o "$$(uname)" != Linux || command -v nvidia-smi > /dev/null || \
	  echo "No GPU here: TORCH_INDEX can name the CPU build of torch, which is far smaller (see README.md)."
	$(BIN)/python -m pip install $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) "$(TORCH)"
	$(BIN)/python -m pip install $(addprefix -c ,$(CONSTRAINTS)) -e .
	@touch $@

$(INSTALLED_DEV): $(INSTALLED)
	$(BIN)/python -m pip install $(addprefix -c ,$(CONSTRAINTS)) -e '.[dev]'
	@touch $@
