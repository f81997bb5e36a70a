# Thin: each target installs what it needs into .venv and runs one command.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEBIAN := postgresql postgresql-postgis chromium chromium-driver gdal-bin python3-gdal qgis python3-qgis r-cran-terra
NODE := $(shell command -v npm > /dev/null || echo nodejs npm)
PIP := PIP_CONSTRAINT=$(CURDIR)/constraints.txt $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help demo test lint debian browser browser-test services-test bench soak fuzz mutants audit coverage mutation load figures docs catalog constraints clean

help: ## Show the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) -e '.[tasks,encoder]'
	@touch $@

$(VENV)/.test: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) -e '.[tasks,encoder,openvino,distributed,cube,test,trust]'
	@touch $@ $(VENV)/.run

$(VENV)/.portals: $(VENV)/.test
	$(PIP) -e '.[tasks,encoder,openvino,distributed,cube,test,portals]'
	rm -rf $(VENV)/beside
	$(PIP) --no-deps --ignore-requires-python --target $(VENV)/beside torchgeo==0.9.0 rs-embed==0.3.1
	@touch $@

demo: $(VENV)/.run ## From a simulated landscape to a land-cover map, in under five minutes
	rm -rf demo
	$(BIN)/python examples/demo.py demo

test: $(VENV)/.test ## All tests that need nothing but what pip installs
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadgroup

lint: $(VENV)/.test ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

debian: ## As root: what services-test and browser-test need beside pip
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(DEBIAN) $(NODE)

browser: $(VENV)/.run ## Build STAC Browser from its npm package into the user's cache, once
	$(BIN)/stac esd build-browser

browser-test: $(VENV)/.portals ## The catalogue in STAC Browser, in headless Chromium; pictures in build/screenshots
	OMP_NUM_THREADS=1 PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest services/test_browser_page.py

services-test: $(VENV)/.portals ## The STAC API on PostgreSQL, and other tools on our files
	OMP_NUM_THREADS=1 PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest services --ignore services/test_browser_page.py

$(VENV)/.bench: $(VENV)/.test
	$(PIP) -e '.[tasks,encoder,openvino,distributed,cube,test,bench]'
	@touch $@

soak: $(VENV)/.test ## Kill every long command 50 times, about half an hour, and keep how many kills it survived
	OMP_NUM_THREADS=1 $(BIN)/python scripts/figures.py run trust.kills_survived

$(VENV)/.fuzz: $(VENV)/.test
	$(PIP) -e '.[tasks,encoder,openvino,distributed,cube,test,fuzz]'
	@touch $@

fuzz: $(VENV)/.fuzz ## Fuzz every parser for a minute, and keep how often each was run; RUNS=300 for so many runs and no figure
	$(BIN)/python $(if $(RUNS),fuzz/run.py --runs $(RUNS),scripts/figures.py run trust.fuzz_executions)

mutants: $(VENV)/.test ## Read 12,000 mutants of codes, items and weights, and keep how many were bad
	$(BIN)/python scripts/figures.py run 'trust.mutants_*'

audit: ## Ask PyPI's database of vulnerabilities for every version of constraints.txt
	rm -rf build/audit && $(PYTHON) -m venv build/audit
	build/audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit==2.10.1
	build/audit/bin/pip-audit --strict --no-deps --disable-pip -r constraints.txt

bench: $(VENV)/.bench ## Measure everything beside its peers, about a quarter of an hour, and write docs/benchmarks.md
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/suite.py

coverage: $(VENV)/.test ## Lines that the tests run, with and without the compiler, about half an hour, and keep the figures; fails where a test does
	rm -rf build/coverage
	$(BIN)/python scripts/coverage_score.py
	$(BIN)/python scripts/figures.py run 'trust.coverage*'

mutation: $(VENV)/.test ## 150 mutants a file of four modules against their tests, about half an hour, and keep the score; MOST=2000 for all, FILES='walk chains' for some, and no figure
	OMP_NUM_THREADS=1 $(BIN)/python $(if $(MOST)$(FILES),scripts/mutation_score.py --most $(or $(MOST),150) $(FILES),scripts/figures.py run trust.mutation_score)

load: $(VENV)/.test ## Sixteen clients for a minute, and an archive of 600 tile-years; API=1 for the STAC API as well (make debian)
	OMP_NUM_THREADS=1 $(BIN)/python scripts/figures.py run 'trust.load_*'
	OMP_NUM_THREADS=1 $(BIN)/python scripts/figures.py run 'trust.archive_*'
	$(if $(API),OMP_NUM_THREADS=1 $(BIN)/python scripts/figures.py run 'trust.api_load_*')

figures: $(VENV)/.test ## Run the command of one figure again: make figures KEY=road.amazon.oa_codes ESD_DATA=folder
	$(BIN)/python scripts/figures.py run '$(KEY)'

docs: $(VENV)/.test ## Write the tables of docs/ again from docs/figures.json
	$(BIN)/python scripts/figures.py render

catalog: $(VENV)/.run ## Make catalog/ again from a simulated landscape
	$(BIN)/python scripts/build_catalog.py catalog

constraints: ## Pin what the newest versions of everything resolve to, in a fresh environment
	rm -rf build/pin && $(PYTHON) -m venv build/pin
	build/pin/bin/pip install --quiet 'torch==2.13.0' -e '.[tasks,encoder,openvino,distributed,cube,test,portals,bench,fuzz,trust]'
	echo '# Versions that install and pass together on Python 3.11; written by `make constraints`.' > constraints.txt
	build/pin/bin/pip freeze --all --exclude-editable | grep -Ev '^(pip|setuptools)=' | sed 's/+cpu//' >> constraints.txt

clean: ## Remove what the other targets made
	rm -rf demo dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
