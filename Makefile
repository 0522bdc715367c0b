# Everything is installed on first use, below .modelway; `make clean` removes it all.
export MODELWAY_HOME ?= $(CURDIR)/.modelway

.PHONY: demo test check bench generate lock export release clean

demo: ## the whole journey on this machine
	scripts/run --in act python examples/demo.py

test: ## unit, property, integration and action tests
	scripts/run --in test python -m pytest

generate: ## write what follows from the scripts: action.yml, tables, schema, addresses
	scripts/run --in tool python release/generate.py

clean:
	-scripts/run stop_registry --folder out/demo/mlflow
	rm -rf out .modelway .pytest_cache .mypy_cache .ruff_cache .hypothesis examples/*/data examples/*/out
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
