# Needs make and Python ≥ 3.11, nothing else: uv comes into .cache/ where the machine has none, and everything
# that runs comes from uv.lock. `make help` lists what there is.

UV_VERSION := 0.13.9
PYTHON ?= python3
WORKERS ?= logical

UV := $(shell command -v uv 2>/dev/null || echo .cache/uv/bin/uv)
RUN := $(UV) run --frozen --quiet
PYTEST := $(RUN) python -m pytest
PARALLEL := -n $(WORKERS) --maxprocesses 8 --dist loadfile
# Who waits for servers leaves a processor free: one worker more than there are processors.
WAITING := -n $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1) --maxprocesses 8 --dist loadfile

# Kernels are compiled once for all processes and runs.
export NUMBA_CACHE_DIR := $(CURDIR)/.cache/numba
# So is Python's bytecode, also where the environment forbids it: tests start hundreds of processes.
export PYTHONPYCACHEPREFIX := $(CURDIR)/.cache/bytecode
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help servers demo demo-fraud test bench bench-detectors soak docs charts pictures format lint types environment \
	test-unit test-conformance test-services test-docs test-connect test-images test-kubernetes test-integrations

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: environment ## See it happen: invented payments with planted faults, found within seconds (about a minute)
	@if [ -t 1 ]; then $(RUN) streamgauge demo --stay; else $(RUN) streamgauge demo; fi

demo-fraud: environment ## A fraud model from a payment to tomorrow's label, on a real Kafka and Prometheus; a page of pictures (two minutes)
	@$(RUN) python -m tests.examples.fraud_demo

test: environment ## Everything that must hold: format, lint, types, tests on a real Kafka, docs
	@$(RUN) python scripts/run_stages.py --beside servers lint types test-unit test-conformance test-services test-docs

bench: environment ## Measure speed, memory and delay; prints tables and writes JSON (half an hour and more)
	@$(RUN) python -m benchmarks

bench-detectors: environment ## Measure how good and how fast detectors are; STREAMGAUGE_NAB and STREAMGAUGE_ADBENCH name the corpora
	@$(RUN) python -m benchmarks.detectors

soak: environment ## The long tests: many kills, much backlog, thorough search for counter-examples (hours)
	STREAMGAUGE_THOROUGH=20 STREAMGAUGE_CONFORMANCE_EXAMPLES=500 \
		$(PYTEST) -m "not services and not soak" $(PARALLEL) --timeout 7200
	$(PYTEST) -m soak --ignore tests/integrations --timeout 7200

docs: environment ## Write the generated tables of the docs and the dashboards anew
	@$(RUN) python -m tests.docs.tables
	@$(RUN) python -m deploy.monitoring.dashboards

charts: environment ## Pack what the Helm charts share (deploy/helm/parts) into each of them
	@$(RUN) python -m deploy.helm

pictures: environment ## Take the pictures of the pages anew, in a real Chromium
	@$(RUN) python -m tests.docs.screenshots

format: environment ## Bring the code into its one form
	@$(RUN) ruff check --quiet --fix-only .
	@$(RUN) ruff format .

lint: environment ## Check form and rules
	@$(RUN) ruff format --check .
	@$(RUN) ruff check .

types: environment ## Check types
	@$(RUN) mypy

test-unit: environment ## The fast tests, in parallel
	@$(PYTEST) -m "not services and not soak and not conformance" --ignore tests/docs --ignore tests/examples \
		--ignore tests/cli/test_demo.py $(PARALLEL)

test-conformance: environment ## The contracts of detectors, windows, sources, channels and stores
	@$(PYTEST) -m "conformance and not services and not soak" $(PARALLEL)

test-services: environment ## What needs a real Kafka, Alertmanager or Chromium; brings them, starts each once
	@$(PYTEST) -m "services and not soak" $(WAITING)

test-docs: environment ## Every block of the docs, the examples and the demo
	@$(PYTEST) -m "not services and not soak" tests/docs tests/examples tests/cli/test_demo.py $(PARALLEL)

test-connect: environment ## The sinks for Kafka Connect: built, then on a real broker and worker (two to three minutes; Maven, jq)
	@$(PYTEST) -m "soak or not soak" tests/connect

test-images: environment ## The images really built and started, as root on a Linux (buildah, crun, debootstrap; ten minutes at first)
	@STREAMGAUGE_REQUIRE_SERVICES=1 $(PYTEST) -m soak tests/deploy/images --timeout 3600

test-kubernetes: environment ## The charts on a real Kubernetes; builds it once with Go 1.26, etcd is Debian's
	@STREAMGAUGE_REQUIRE_SERVICES=1 $(PYTEST) -m soak tests/deploy/helm/test_cluster.py --timeout 3600

test-integrations: environment ## Airflow, Prefect and Superset, each in its own environment, on real servers; brings them once
	@STREAMGAUGE_REQUIRE_SERVICES=1 $(PYTEST) -m soak tests/integrations --timeout 3600

servers: environment ## Bring what the tests' servers are made of, where it is not here yet
	@$(RUN) python -m tests.services

environment: $(UV)
	@$(UV) sync --frozen --quiet

.cache/uv/bin/uv:
	@echo "bringing uv $(UV_VERSION) into .cache/uv"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is missing or older than 3.11: install Python, or name one: make PYTHON=python3.12 …"; exit 1; }
	@$(PYTHON) -m venv .cache/uv && .cache/uv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION) || \
		{ rm -rf .cache/uv; echo "uv could not be brought: install it (https://docs.astral.sh/uv), or, on Debian, python3-venv"; exit 1; }
