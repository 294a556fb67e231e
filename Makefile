# One set-up for every target: a virtual environment in .venv, redone only when its inputs change.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help demo app test coverage lint bench setup clean

help:
	@echo "make demo      set up, then fine-tune two sample sets with the packaged ImageNet weights (about 3 minutes)"
	@echo "make app       set up, then serve the page on this computer (Ctrl-C stops it)"
	@echo "make test      set up, then run the tests"
	@echo "make coverage  the tests once more, traced line by line: fails below 90 % of the lines"
	@echo "make lint      ruff and mypy"
	@echo "make bench     the numbers in the README (a working day; needs the data sets, see benchmarks/README.md)"
	@echo "make clean     remove the environment and what demo wrote"

$(STAMP): pyproject.toml constraints.txt .ci/install
	@echo "setting up $(VENV): downloads torch once, some minutes"
	@PYTHON=$(PYTHON) .ci/install $(VENV) --editable '.[dev]'
	@touch $@
	@echo "set up"

setup: $(STAMP)

demo: $(STAMP)
	@$(BIN)/python examples/demo.py

app: $(STAMP)
	@$(BIN)/finetune ui --open

PYTEST := $(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

test: $(STAMP)
	@$(PYTEST)

coverage: $(STAMP)
	@$(PYTEST) --cov --cov-report=term

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: $(STAMP)
	@$(BIN)/python benchmarks/four_strategies.py
	@$(BIN)/python benchmarks/hymenoptera.py
	@$(BIN)/python benchmarks/square.py
	@$(BIN)/python benchmarks/batch_table.py
	@$(BIN)/python benchmarks/resume.py
	@$(BIN)/python benchmarks/speed.py
	@$(BIN)/python benchmarks/cifar10.py
	@$(BIN)/python benchmarks/inspect_faults.py --readme
	@$(BIN)/python benchmarks/first_paint.py
	@$(BIN)/python benchmarks/screenshots.py

clean:
	rm -rf $(VENV) demo
