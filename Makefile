# `make help` lists what can be made. Everything runs in .venv, which is set up when first needed.
SHELL := bash
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

# Real photos for the tests marked `data` and for `make evaluate`; without them those tests are skipped.
ifneq ($(wildcard ../shared/data),)
FACESEARCH_DATA ?= $(abspath ../shared/data)
endif
ifdef FACESEARCH_DATA
export FACESEARCH_DATA
endif

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test slow check lint evaluate calibrations bench clean

help:  ## list what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.demo  ## index, query, verify and cluster a few photos; your own with PHOTOS=~/Pictures
	@$(BIN)/python examples/demo.py $(if $(PHOTOS),"$(PHOTOS:~/%=$(HOME)/%)")

# A process of tests for each core, each of which has an engine of its own in memory; whoever is done first takes over
# half of what another still has to do. One process, as for --pdb, is PYTEST='-n0 …' or plain `python -m pytest …`.
SIDE_BY_SIDE := -n auto --maxprocesses 8 --dist worksteal

test: lint  ## style, types, layers and all tests but the slow ones; some of them with PYTEST='-k index'
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) $(PYTEST)

slow: $(VENV)/.test  ## the slow tests: kills of whole commands, training from beginning to end; about 10 minutes
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m slow $(PYTEST)

check: lint  ## style, types, layers, and what is in the wheel and in the repository
	$(BIN)/python -m pytest tests/test_repository.py

lint: $(VENV)/.test  ## style (ruff), types (mypy), layers (import-linter)
	$(BIN)/python -m ruff check .
	$(BIN)/python -m mypy
	$(BIN)/lint-imports

evaluate: $(VENV)/.demo  ## measure verification and clustering on the photos of FACESEARCH_DATA
	@[ -d "$(FACESEARCH_DATA)" ] || { echo "make evaluate needs FACESEARCH_DATA=DIR (lfw/, lfw_pairs.txt, photos/, photos.csv)"; exit 2; }
	$(BIN)/facesearch evaluate --lfw "$(FACESEARCH_DATA)/lfw" --pairs "$(FACESEARCH_DATA)/lfw_pairs.txt" --out docs/accuracy.json
	$(BIN)/facesearch evaluate --photos "$(FACESEARCH_DATA)/photos" --labels "$(FACESEARCH_DATA)/photos.csv" --baselines --strangers "$(FACESEARCH_DATA)/faces" --out docs/accuracy.json
	$(BIN)/facesearch evaluate --photos "$(FACESEARCH_DATA)/lfw" --baselines --out docs/accuracy.json
	$(BIN)/facesearch evaluate --photos "$(FACESEARCH_DATA)/lfw" --quality --out docs/accuracy.json

calibrations: $(VENV)/.demo  ## measure the calibrations that are shipped, on the faces of FACESEARCH_DATA
	@[ -d "$(FACESEARCH_DATA)/faces" ] || { echo "make calibrations needs FACESEARCH_DATA=DIR (faces/)"; exit 2; }
	# t042 and t044 hold photos of people of other folders
	for model in sface+dlib sface; do \
	  $(BIN)/facesearch calibrate "$(FACESEARCH_DATA)/faces" --without t042 --without t044 --model $$model \
	    --out facesearch/calibration/models/$$model.json; done

bench: $(VENV)/.test  ## measure speed beside other tools, about 45 minutes; less with BENCH='--faces 100000 --rounds 1'
	@[ -d "$(FACESEARCH_DATA)" ] || { echo "make bench needs FACESEARCH_DATA=DIR (photos/, lfw/)"; exit 2; }
	$(BIN)/python index/benchmark.py "$(FACESEARCH_DATA)/photos" "$(FACESEARCH_DATA)/lfw" --out docs/speed.json $(BENCH)

clean:  ## remove what make made, .venv included
	rm -rf $(VENV) build dist .import_linter_cache .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A pip that was cut off leaves packages that look installed and are not, so a set-up that did not come to its end is
# begun again, and one that failed before pip touched anything is left as it is; downloads are kept in pip's cache.
# What is installed is compiled on all cores, which pip does on one, and a checkout too: Python may have been told not to
# write what it compiles. Packages have files for other Pythons, which do not compile here.
define set_up
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "facesearch needs Python 3.11 or newer, and '$(PYTHON)' is $$($(PYTHON) --version 2>/dev/null || echo missing)." \
		     "Name another: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 2; }
	@if [ -e $(VENV)/.unfinished ]; then rm -rf $(VENV); fi
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { \
		echo "setting up $(VENV): $(2)"; \
		mkdir -p $(VENV) && touch $(VENV)/.unfinished && $(PYTHON) -m venv $(VENV); }
	@set -o pipefail; $(BIN)/python -m pip install --disable-pip-version-check --progress-bar off --no-compile -e '.$(1)' \
		| while IFS= read -r line; do case "$$line" in \
			*Downloading*[MG]B\)) echo "$${line:0:150}";; \
			"Installing collected"*) touch $(VENV)/.unfinished; echo "$${line:0:150}";; esac; done
	@$(BIN)/python -m compileall -qq -j 0 facesearch $(VENV)/lib || true
	@rm -f $(VENV)/.unfinished && touch $(3)
endef

# As `pip install facesearch` makes it; `make test` adds PyTorch and what else only some need.
$(VENV)/.demo: pyproject.toml
	$(call set_up,,half a minute and 1 GB,$(VENV)/.demo)

$(VENV)/.test: pyproject.toml
	$(call set_up,[test],some minutes and 6 GB: PyTorch is large,$(VENV)/.test $(VENV)/.demo)
