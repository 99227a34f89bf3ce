# The README's commands. Everything happens in .venv, made here; nothing else on the machine is touched.
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
# rebuilt when dependencies change
STAMP  := $(VENV)/.installed

# other engines bring scipy and older libraries: each set has an environment of its own
AGREE  := .venv-agreement
PEERS  := .venv-peers

.PHONY: help backtest rehearse test lint types unit agreement seeds kills crashes matrix seeds-live soak kills-live parity storms proof record bench bench-peers schemas clean

help:            ## this list
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(STAMP): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed: install it, or say make PYTHON=python3.12 …"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) (once, about a minute) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[fast,dev,bench]'
	@touch $@

backtest: $(STAMP) ## run bots/btc_trend.yaml on the built-in, synthetic market and print the report
	@$(BIN)/runner run bots/btc_trend.yaml --backtest --data sample

rehearse: $(STAMP) ## the session that trades, on an exchange in a box with the SYNTHETIC market, and the verdict
	@$(BIN)/runner rehearse bots/sol_breakout.yaml --data sample --from 2024-02-08 --to 2024-02-21

test: $(STAMP) lint types unit ## everything: style, types, tests

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(STAMP)
	@$(BIN)/mypy

unit: $(STAMP)
	@$(BIN)/python -m pytest -n 2 --dist loadfile

$(AGREE)/.installed: pyproject.toml constraints.txt
	@test -x $(AGREE)/bin/python || $(PYTHON) -m venv $(AGREE)
	@echo "installing other engines into $(AGREE) (once, a few minutes) …"
	@$(AGREE)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[fast,dev,agreement]'
	@touch $@

$(PEERS)/.installed: pyproject.toml
	@test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	@echo "installing other engines into $(PEERS) (once, a few minutes) …"
	@$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[fast,peers]'
	@touch $@

agreement: $(AGREE)/.installed ## trades equal to those of other engines, on real bars where they lie beside the project
	@$(AGREE)/bin/python -m pytest tests/agreement

seeds: $(STAMP)  ## the independent simulator against the core, ten times as many random bots
	@RUNNER_EXAMPLES=30000 $(BIN)/python -m pytest tests/oracle tests/backtest/test_leap.py
	@RUNNER_ACTIONS=10000 $(BIN)/python -m pytest tests/simulator/test_random_actions.py
	@RUNNER_EXAMPLES=200 $(BIN)/python -m pytest tests/simulator/test_model_machine.py tests/vault/test_vault_faults.py

kills: $(STAMP)  ## a year's pull killed at 50 points, random orders of pulls, journals killed while writing
	@RUNNER_KILLS=50 $(BIN)/python -m pytest tests/data/test_data_pull_kill.py
	@RUNNER_EXAMPLES=300 $(BIN)/python -m pytest tests/data/test_data_pull_orders.py

crashes: $(STAMP) ## a journal's writer killed 200 times, its log cut at 1,000 places, bits flipped (three minutes)
	@RUNNER_CRASHES=200 $(BIN)/python -m pytest -n 2 --dist loadfile tests/journal

# each of these leaves its figures in build/proof, whence `proof` writes them into docs/proof.md
matrix: $(STAMP) ## every crash point, answer of the exchange and second death (docs/proof.md)
	@RUNNER_PROOF_FIGURES=1 $(BIN)/python -m tests.proof.matrix

seeds-live: $(STAMP) ## 5,000 random lives of a bot with faults, kills and halts, in virtual time
	@RUNNER_PROOF_FIGURES=1 $(BIN)/python -m tests.proof.seeds --runs 5000

soak: $(STAMP)   ## 50,000 of them
	@$(BIN)/python -m tests.proof.seeds --runs 50000

kills-live: $(STAMP) ## a bot's real process killed 100 times over real sockets, on SQLite and on PostgreSQL
	@RUNNER_SESSION_KILLS=100 RUNNER_PROOF_FIGURES=1 $(BIN)/python -m pytest -n 2 --dist loadscope tests/live/test_session_kills.py

parity: $(STAMP) ## three months of every bot: the session decides as the backtest does
	@RUNNER_REHEARSAL_DAYS=92 RUNNER_PROOF_FIGURES=1 $(BIN)/python -m pytest -n 2 --dist load tests/rehearsal/test_rehearsal_parity.py

storms: $(STAMP) ## rehearsals with 10 and with 40 faults: whatever differs has a reason
	@RUNNER_PROOF_FIGURES=1 $(BIN)/python -m tests.rehearsal.storms --seeds 30

proof: matrix seeds-live kills-live parity storms ## all of these, and their figures in docs/proof.md (an hour and more)
	@RUNNER_PROOF_FIGURES=1 $(BIN)/python -m pytest -q -n 2 --dist load tests/proof/test_bugs.py
	@$(BIN)/python -m tests.proof.page

record: $(STAMP) ## record cassettes/*.yaml again from the real exchange (needs a network)
	@$(BIN)/python tests/exchange/record.py --from main

bench: $(STAMP)  ## speed and memory, as ratios within one run
	@$(BIN)/python -m benchmarks

bench-peers: $(STAMP) $(PEERS)/.installed ## the same job in other engines, side by side (about ten minutes)
	@$(BIN)/python -m benchmarks.peers --peers $(PEERS)/bin/python

schemas: $(STAMP) ## write schemas/*.json again from their models
	@$(BIN)/runner schema bot > schemas/.bot && mv schemas/.bot schemas/bot.v1.json
	@$(BIN)/runner schema report > schemas/.report && mv schemas/.report schemas/report.v1.json

clean:           ## remove the environments and caches
	rm -rf $(VENV) $(AGREE) $(PEERS) .mypy_cache .ruff_cache .hypothesis build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
