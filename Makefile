# `make` runs the embedded default, `make test` runs the tests. Each command makes its own
# environment from a locked file.
PYTHON ?= python3.11
LIGHT := .venv
FULL := .venv-full
LIVE := .venv-live
SERVE ?=
CLUSTER := .venv-cluster
OVER = $(CLUSTER)/.over-$(notdir $(BELOW))
DOCS := .venv-docs
BELOW ?= $(FULL)
CORES ?= all
PYTHON_IS_NEW = $(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2> /dev/null || \
  { echo "faceoff: $(PYTHON) is no Python 3.11: install it, or name it, make PYTHON=/path/to/python3.11"; exit 1; }
# Python compiles what it imports, a third of what there is, and must keep it: where images of
# containers forbid that, every job would compile all of its imports again.
unexport PYTHONDONTWRITEBYTECODE
PIP_FLAGS := --quiet --disable-pip-version-check --no-input --no-compile

.PHONY: run full live zoo paper test test-fast cluster docs docs-serve lint format lock clean help
run: $(LIGHT)/.ready ## run config.yaml, print the leaderboard and the report's path (the default)
	$(LIGHT)/bin/faceoff run config.yaml --cores $(CORES)

full: $(FULL)/.ready ## make .venv-full, the environment with PyTorch

live: $(LIVE)/.ready ## serve a page, a REST API and a socket; SERVE='--port 8080 …' gives it options
	$(LIVE)/bin/faceoff serve $(SERVE)

zoo: $(FULL)/.ready ## run configs/zoo.yaml: every detector and model whose weights are here
	$(FULL)/bin/faceoff run configs/zoo.yaml --cores $(CORES)

paper: $(LIGHT)/.ready ## run configs/paper.yaml: every figure and LaTeX table of a paper
	$(LIGHT)/bin/faceoff run configs/paper.yaml --cores $(CORES)

test: $(FULL)/.ready $(OVER) $(DOCS)/.ready ## run all tests, the fast ones first
	$(FULL)/bin/pytest -m "not slow" -n 2 --dist loadfile
	$(FULL)/bin/pytest -m slow -n 3 --dist loadfile --no-loadscope-reorder --durations 20

test-fast: $(FULL)/.ready ## run the fast tests only
	$(FULL)/bin/pytest -m "not slow" -n 2 --dist loadfile

cluster: $(OVER) ## make an environment that submits to a cluster, over BELOW=.venv or .venv-full

docs: $(DOCS)/.ready ## make docs/ a site that opens without a network: build/site/index.html
	NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --strict --quiet

docs-serve: $(DOCS)/.ready ## serve the site at http://127.0.0.1:8000, renewed as files change
	NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs serve --dev-addr 127.0.0.1:8000

lint: $(FULL)/.ready ## run snakemake --lint, snakefmt, ruff, mypy
	$(FULL)/bin/snakemake --lint
	$(FULL)/bin/snakefmt --check Snakefile workflow
	$(FULL)/bin/ruff check .
	$(FULL)/bin/ruff format --check .
	$(FULL)/bin/mypy

format: $(FULL)/.ready ## format everything
	$(FULL)/bin/ruff check --fix .
	$(FULL)/bin/ruff format .
	$(FULL)/bin/snakefmt Snakefile workflow

lock: ## make the locked requirements anew (needs uv)
	cd requirements && for pair in light: full:light live:full cluster:light docs:light; do \
	  name=$${pair%:*}; below=$${pair#*:}; \
	  uv pip compile --quiet --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
	    --generate-hashes --python-version 3.11 --override $$name.overrides \
	    $${below:+--constraint $$below.txt} $$name.in -o $$name.txt || exit 1; \
	done

clean: ## remove results and environments
	rm -rf results/*/ .snakemake build $(LIGHT) $(LIVE) $(FULL) $(CLUSTER) $(DOCS)

help: ## print this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# --no-deps with hashes works as the lock is complete; requirements that libraries over-declare
# (TensorFlow, jax …) stay out.
$(LIGHT)/.ready $(LIVE)/.ready: %/.ready: pyproject.toml
	@$(PYTHON_IS_NEW)
	$(PYTHON) -m venv --clear $*
	$*/bin/python -m pip install $(PIP_FLAGS) --no-deps --require-hashes -r $(filter requirements/%,$^)
	$*/bin/python -m pip install $(PIP_FLAGS) --no-deps --no-build-isolation -e .
	touch $@
$(LIGHT)/.ready: requirements/light.txt
$(LIVE)/.ready: requirements/live.txt

# torch alone is not locked by hash: its right build (CPU, CUDA) depends on the machine.
$(FULL)/.ready: requirements/full.txt requirements/torch.txt pyproject.toml
	@$(PYTHON_IS_NEW)
	$(PYTHON) -m venv --clear $(FULL)
	$(FULL)/bin/python -m pip install $(PIP_FLAGS) --no-deps --require-hashes -r requirements/full.txt
	$(FULL)/bin/python -m pip install $(PIP_FLAGS) -r requirements/torch.txt
	$(FULL)/bin/python -m pip install $(PIP_FLAGS) --no-deps --no-build-isolation -e .
	touch $@

# This environment is a thin layer over another one (BELOW), which stays without the plug-ins of
# cluster.txt: they slow every start of Snakemake.
$(OVER): requirements/cluster.txt $(BELOW)/.ready
	$(PYTHON) -m venv --clear $(CLUSTER)
	$(CLUSTER)/bin/python -m pip install $(PIP_FLAGS) --no-deps --require-hashes -r requirements/cluster.txt
	echo "import site; site.addsitedir('$$($(BELOW)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')')" \
	  > "$$($(CLUSTER)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/below.pth"
	for name in snakemake faceoff; do \
	  sed "1s|.*|#!$(CURDIR)/$(CLUSTER)/bin/python|" $(BELOW)/bin/$$name > $(CLUSTER)/bin/$$name \
	    && chmod +x $(CLUSTER)/bin/$$name || exit 1; \
	done
	touch $@

$(DOCS)/.ready: requirements/docs.txt
	$(PYTHON) -m venv $(DOCS)
	$(DOCS)/bin/python -m pip install $(PIP_FLAGS) --no-deps --require-hashes -r requirements/docs.txt
	touch $@
