# Commands for development. `make` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PEERS := arroyo bytewax faststream quix
HTTP_PEERS := litserve
FILE_PEERS := ray
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
JOBS ?= 10000
# The stack's ports on this machine, as in docker-compose.yml.
KAFKA_PORT ?= 29092
REDIS_PORT ?= 6379
# Four test files at once, also on two cores, because most tests wait for something; in the order of tests/conftest.py.
TESTS := $(BIN)/pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder
CONFIGS := mmdigit/training/configs
# Benchmarks that take --data, in the order of `make bench`.
BENCHMARKS := wire pipeline latency growth footprint

.DEFAULT_GOAL := help
.PHONY: help demo demo-forms api app test unit audit sbom fuzz up backfill down bench bench-api peers faults soak form-stack spoken-stack weights seeds folds evaluate lock docs docs-site plots clean

help: ## list the commands
	@awk -F ':.*## ' '/^##@ / { print "\n" substr($$0, 5) } /^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.worker ## jobs -> queue file -> worker -> predictions as a table; DATA=folder uses real data
	@$(BIN)/python -m samples.demo $(if $(DATA),--data $(DATA) --count $(JOBS))

demo-forms: $(VENV)/.forms ## print a form, fill it in, scan it and read it: a table
	@$(BIN)/python -m samples.demo_forms

api: $(VENV)/.gateway ## start the HTTP API, worker and page worker on SQLite files, until Ctrl-C; PORT=8000
	@$(BIN)/python -m samples.api $(if $(PORT),--port $(PORT))

app: $(VENV)/.gateway ## the same, and open its page in the browser; PORT=8000, OPEN=0 only says where it is
	@$(BIN)/python -m samples.app $(if $(PORT),--port $(PORT)) $(if $(filter 0,$(OPEN)),--no-open)

test: $(VENV)/.test ## lint, type check and all tests; DATA=folder adds tests on real data
	@$(BIN)/ruff check --quiet . && $(BIN)/ruff format --check --quiet . && echo "lint: ok"
	@$(BIN)/mypy
	@$(if $(DATA),MMDIGIT_DATA=$(abspath $(DATA))) $(TESTS)

unit: $(VENV)/.test ## only tests that need neither Docker nor data
	@$(TESTS) -m "not docker and not data"

up: ## start the stack: Kafka, Redis, worker, Prometheus; PROFILE=gateway, grafana, load or chaos adds that
	docker compose $(if $(PROFILE),--profile $(PROFILE)) up --build --detach --wait

backfill: $(VENV)/.worker ## send the sample pack through the stack and wait for predictions; DATA=folder sends JOBS real pairs
	@mkdir -p .mmdigit
	@$(BIN)/python -m producer --from $(if $(DATA),pairs:$(DATA),samples/pack/manifest.csv) \
	  $(if $(DATA),--count $(JOBS)) --to kafka://localhost:$(KAFKA_PORT)/mmdigit.jobs \
	  --wait --store redis://localhost:$(REDIS_PORT)/0 --output .mmdigit/backfill.csv

down: ## stop the stack and delete its data
	docker compose --profile '*' down --volumes
	@rm -rf .mmdigit/journal

docs: $(VENV)/.test ## write the generated pages of docs/ and Grafana's dashboards from code and results
	@$(BIN)/python -m lab.docs_pages
	@$(BIN)/python -m deploy.grafana.generate

docs-site: .venv-docs/.ready ## build the pages as a site, into site/; fails on a dead link
	@NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build --strict

clean: ## remove the environment and all generated files
	rm -rf $(VENV) .venv-peers .venv-docs site .mmdigit .fuzz .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info

##@ Measuring, training and releasing

form-stack: $(VENV)/.test ## 200 pages (PAGES) of forms through Kafka, Redis and PostgreSQL, workers killed midway
	@FORM_PAGES=$(or $(PAGES),200) $(BIN)/python -m pytest -q tests/integration/test_forms.py

spoken-stack: $(VENV)/.test ## 100 pages (PAGES) with recordings through the same, the page worker killed midway; DATA=folder uses real voices
	@SPOKEN_PAGES=$(or $(PAGES),100) $(if $(DATA),MMDIGIT_DATA=$(abspath $(DATA))) $(BIN)/python -m pytest -q tests/integration/test_spoken_forms.py

audit: $(VENV)/.test ## check what the image installs for known vulnerabilities, if their service is reachable
	@.ci/audit

sbom: ## write the image's bill of materials (CycloneDX) to .mmdigit/sbom.json
	@mkdir -p .mmdigit
	@docker compose build --quiet worker > /dev/null
	@docker run --rm --entrypoint cat "$$(docker compose config --images | grep -m 1 ^mmdigit:)" /usr/share/mmdigit/sbom.json \
	  > .mmdigit/sbom.json
	@echo "sbom: .mmdigit/sbom.json"

fuzz: $(VENV)/.test $(VENV)/.fuzz ## fuzz every parser for a million runs or MINUTES (10) each; an hour or two
	@$(BIN)/python -m lab.fuzz $(if $(MINUTES),--minutes $(MINUTES)) --output lab/results/fuzz.json
	@$(BIN)/python -m lab.docs_pages

bench: $(VENV)/.test ## run every benchmark, about 20 minutes on an idle machine with Docker; DATA=folder uses real pairs
	@$(BIN)/python -m lab.benchmarks.model_only --output lab/results/model_only.json
	@for name in $(BENCHMARKS); do echo "== $$name" && $(BIN)/python -m lab.benchmarks.$$name $(if $(DATA),--data $(DATA)) \
	  --output lab/results/$$name.json || exit 1; done

bench-api: $(VENV)/.test $(HTTP_PEERS:%=.venv-peers/%/.ready) ## measure the HTTP API beside LitServe, 15 minutes; DATA=folder uses real pairs
	@$(BIN)/python -m lab.benchmarks.gateway $(if $(DATA),--data $(DATA)) --plot docs/results/plots/gateway.png \
	  --output lab/results/gateway.json
	@$(BIN)/python -m lab.docs_pages

peers: $(VENV)/.test $(patsubst %,.venv-peers/%/.ready,$(PEERS) $(FILE_PEERS)) ## compare with other stream processors and Ray Data, 40 minutes; DATA=folder uses real pairs, PAIRS (100000) a backfill
	@$(BIN)/python -m lab.benchmarks.peers $(if $(DATA),--data $(DATA)) --crash --plot docs/results/plots/peers.png \
	  --output lab/results/peers.json
	@$(BIN)/python -m lab.benchmarks.backfill $(if $(DATA),--data $(DATA)) --pairs $(or $(PAIRS),100000) --kill \
	  --output lab/results/backfill.json

faults: $(VENV)/.test ## inject every fault into real services, about 40 minutes; DATA=folder uses real pairs
	@$(BIN)/python -m lab.faults $(if $(DATA),--data $(DATA)) --output lab/results/faults.json; code=$$?; \
	  $(BIN)/python -m lab.docs_pages && exit $$code

soak: $(VENV)/.test ## run half an hour at 80 % load with mild faults; DATA=folder uses real pairs
	@$(BIN)/python -m lab.faults.soak $(if $(DATA),--data $(DATA)) --output lab/results/soak.json \
	  --plot docs/results/plots/soak.png; code=$$?; $(BIN)/python -m lab.docs_pages && exit $$code

evaluate: check-data $(VENV)/.test ## evaluate the shipped weights on every split, with plots; minutes (needs DATA=folder)
	@$(BIN)/mmdigit evaluate --data $(DATA) --output runs/report --threads 2

weights: check-data $(VENV)/.test ## train, calibrate and measure weights by the recipe of the shipped ones, into runs/weights; hours, resumable (needs DATA=folder)
	@for seed in 1 2; do $(BIN)/mmdigit train --audio-only --config $(CONFIGS)/teacher.toml --data $(DATA) \
	  --seed $$seed --output runs/teacher-$$seed || exit 1; done
	@$(BIN)/mmdigit train --data $(DATA) --teachers runs/teacher-1 --teachers runs/teacher-2 --output runs/seed-1
	@$(BIN)/mmdigit train --strings-only --data $(DATA) --output runs/seed-1
	@$(BIN)/mmdigit study folds --data $(DATA) --result lab/results/folds.json
	@$(BIN)/mmdigit study writers --data $(DATA) --result lab/results/writers.json
	@$(BIN)/mmdigit export --data $(DATA) --training runs/seed-1 --folds runs/folds --writers runs/writers --output runs/weights
	@$(BIN)/mmdigit study fusion --data $(DATA) --result lab/results/fusion.json

seeds: ## train and evaluate the image classifier with three seeds; hours, resumable (needs DATA=folder)
folds: ## train six times, each without one speaker, and evaluate on that speaker; hours, resumable (needs DATA=folder)
seeds folds: check-data $(VENV)/.test
	@$(BIN)/mmdigit study $@ --data $(DATA) --result lab/results/$@.json

check-data:
	@test -n "$(DATA)" || { echo "make: expected DATA=folder of the data sets, got none; see docs/use/data.md" >&2; exit 2; }

lock: $(VENV)/.test ## compile requirements/*.in to pinned files with hashes
	@for set in requirements/worker requirements/msk requirements/otel requirements/forms requirements/client requirements/gateway requirements/train requirements/test requirements/fuzz requirements/sbom requirements/docs $(patsubst %,lab/benchmarks/peers/requirements/%,$(PEERS) $(HTTP_PEERS) $(FILE_PEERS)); do \
	  $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	    --no-emit-index-url --no-emit-find-links $$set.in -o $$set.txt || exit 1; done

# The peer's pins come first, then this project's environment, so that all share one PyTorch and one ONNX Runtime.
.venv-peers/%/.ready: lab/benchmarks/peers/requirements/%.txt $(VENV)/.test
	@rm -rf .venv-peers/$* && $(BIN)/python -m venv .venv-peers/$*
	@.venv-peers/$*/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r $<
	@$(BIN)/python -c 'import site; print(f"import site; site.addsitedir({site.getsitepackages()[0]!r})")' \
	  > $$(echo .venv-peers/$*/lib/python3*/site-packages)/zz_project.pth
	@touch $@

# Apart from the project's own environment: it needs none of it.
.venv-docs/.ready: requirements/docs.txt
	@rm -rf .venv-docs && $(PYTHON) -m venv .venv-docs
	@.venv-docs/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r $<
	@touch $@

plots: $(VENV)/.test ## plot the dashboards from PROMETHEUS (http://localhost:9090), the last MINUTES (30), to .mmdigit/plots
	@$(BIN)/python -m deploy.grafana.plots $(if $(PROMETHEUS),--prometheus $(PROMETHEUS)) $(if $(MINUTES),--minutes $(MINUTES))

$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "make: expected Python 3.11 or newer as $(PYTHON), got none; set another: make PYTHON=/path/to/python3 ..." >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: expected Python 3.11 or newer, got $$($(PYTHON) --version 2>&1); set another: make PYTHON=/path/to/python3 ..." >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "make: expected Python's venv module, got none; on Debian, run apt-get install python3-venv" >&2; exit 2; }
	@rm -rf $(VENV) && $(PYTHON) -m venv $(VENV)

# --no-deps for the project itself: the requirements files pin all of its dependencies.
$(VENV)/.%: requirements/%.txt $(VENV)/bin/python
	@echo "installing requirements/$*.txt into $(VENV)$(if $(filter-out worker forms gateway,$*), (torch: about 5 GB, some minutes))"
	@$(PIP) install --require-hashes -r $<
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@
