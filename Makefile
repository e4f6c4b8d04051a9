# make run    set everything up, index seeds/ and serve on 127.0.0.1:7860 (PORT=… for another port)
# make test   install what the tests need and run all of them
# make test-fast   those without the model, a browser or long work, for every few minutes
# make mutants   faults planted on purpose: names those that no test notices
# make bundle one archive for a machine without any network
SHELL := /bin/bash
PYTHON ?= python3
PORT ?= 7860
SECONDS_TO_TRAIN ?= 6000
SAMPLES ?= build/samples
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: install run test test-fast lint mutants lock messages scoreboard train-reader samples bundle clean

install: .venv/installed
	@$(BIN)/yuanwen prepare

run: install
	@$(BIN)/yuanwen index --if-needed
	@exec $(BIN)/python app.py --port $(PORT)

test: install lint
	$(BIN)/python -m pytest --cov --cov-report=term --cov-fail-under=85

test-fast: .venv/installed-dev
	$(BIN)/python -m pytest -m "not model and not browser and not slow"

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache --no-logo
	$(BIN)/mypy

# Plants faults in a copy of the tree and names those that no test notices (tests/mutants/README.md).
mutants: .venv/installed-dev
	@$(BIN)/python -m tests.mutants.run

# The lock files name every package, so nothing is resolved here: no CUDA package can come along with torch.
.venv/installed: requirements.lock pyproject.toml
	@echo "==> 建立 .venv 并安装锁定的依赖（首次需几分钟） / installing pinned dependencies"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) install --no-deps --progress-bar on -r requirements.lock
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv/installed-dev: requirements-dev.lock .venv/installed
	@echo "==> 安装测试依赖 / installing test dependencies"
	$(PIP) install --no-deps --progress-bar on -r requirements-dev.lock
	@touch $@

# Rewrites the lock files from pyproject.toml, in a scratch environment.
lock:
	$(PYTHON) benchmarks/lock.py

# Rewrites the catalogue of the interface's messages from the code; fails while one has no English.
messages: .venv/installed-dev
	$(BIN)/python -m docs.catalogue

# Every test set at every stage of the search; goes on where it was interrupted, asks again only what a change concerns.
scoreboard: install .venv/installed-dev
	$(BIN)/python -m benchmarks.scoreboard
	$(BIN)/python docs/generate.py

# Trains the evidence reader for SECONDS and goes on from its last state; nothing in set-up trains.
train-reader: install .venv/installed-dev
	$(BIN)/python -m benchmarks.train_reader all --seconds $(SECONDS_TO_TRAIN)

# The small files that the loaders are tested with, to look at; SAMPLES=… for another folder.
samples: .venv/installed-dev
	$(BIN)/python -m tests.loading.make_samples $(SAMPLES)

# One archive in dist/ that installs on a machine without any network.
bundle: .venv/installed
	$(BIN)/python docs/deploy/bundle.py

clean:
	rm -rf .venv dist embeddings/base embeddings/index
