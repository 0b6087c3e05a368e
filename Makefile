# Every target makes the project's own environment first: none needs anything installed by hand.
.DEFAULT_GOAL := help
.PHONY: help env report test check format docs notebooks bench accuracy lock

RUN := .venv/bin/
OUT ?= report
# The tests stay single-threaded inside; pytest runs two processes beside each other.
TEST_JOBS ?= 2

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

env: ## make .venv from requirements.lock
	@.ci/environment

report: env ## run the main job on the embedded study; the report lies in ./report
	@$(RUN)sentinel demo --out $(OUT)

test: env ## the tests that must always pass (under 10 minutes on 2 cores)
	$(RUN)python -m pytest -n $(TEST_JOBS) --dist loadfile -q

check: env ## format, lint, types, import layers
	$(RUN)ruff format --check .
	$(RUN)ruff check .
	$(RUN)mypy
	$(RUN)lint-imports

format: env ## format and mend what the linter can mend
	$(RUN)ruff format .
	$(RUN)ruff check --fix .

docs: env ## build the documentation into docs/_build/html, warnings are errors
	$(RUN)python -m sphinx -W --keep-going -q -b html docs docs/_build/html

notebooks: env ## run every notebook from top to bottom
	$(RUN)python -m notebooks.run

bench: env ## time the estimators, print medians and ratios
	$(RUN)python -m benchmarks speed

accuracy: env ## rerun the simulation studies and their tables (hours)
	$(RUN)python -m benchmarks accuracy

lock: env ## write requirements.lock anew from pyproject.toml
	$(RUN)uv pip compile pyproject.toml --universal --python-version 3.11 --all-extras \
	  --generate-hashes --no-emit-index-url --no-header --no-annotate --upgrade -o requirements.lock -q
