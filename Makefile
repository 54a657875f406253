# Everything below works on a fresh clone with python3 (with venv) and make; it installs into .venv.
PYTHON ?= python3
VENV = .venv
BIN = $(VENV)/bin
REPLAY = scipy pvlib
SKIPPED = There is no $(REPLAY) for this machine: the tests of --bound and of --sky pvlib are skipped.

.PHONY: run test lint bench gains sun faults trust pi pi-bench armhf look pvmonit clean

run: $(VENV)/run.done
	@$(BIN)/python tools/demo.py

test: $(VENV)/dev.done
	$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/dev.done
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(VENV)/run.done
	$(BIN)/python tools/benchmark.py

# How much of the sun the examples use, over places, batteries, weathers; ARGS="--seeds 1 --weeks 2,8": less of it.
sun: $(VENV)/dev.done
	$(BIN)/python tools/sun.py run $(ARGS)
	$(BIN)/python tools/sun.py table

gains: $(VENV)/run.done
	$(BIN)/python tools/bench_gains.py

look: $(VENV)/run.done
	$(BIN)/python tools/look.py

$(VENV)/run.done: pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install -q --disable-pip-version-check -e .
	@touch $@

$(VENV)/dev.done: $(VENV)/run.done
	@$(BIN)/pip install -q --disable-pip-version-check -e '.[dev]'
	@$(BIN)/pip install -q --disable-pip-version-check --only-binary :all: $(REPLAY) || echo "$(SKIPPED)"
	@touch $@

# Real Linux on an emulated Raspberry Pi, and an armhf Debian: 3 says that something is missing here.
pi armhf: $(VENV)/run.done
	PYTHONPATH=tools $(BIN)/python -m machine.$@

# The bench on that emulated Pi, in instructions.
pi-bench: $(VENV)/run.done
	PYTHONPATH=tools $(BIN)/python -m machine.cost

# Simulated months with everything at once; SEED=7: others.
trust: $(VENV)/dev.done
	PYTHONPATH=tests $(BIN)/python tools/trust.py --ticks $(or $(TICKS),1000000) --seed $(or $(SEED),1)

faults: $(VENV)/dev.done
	PYTHONPATH=tests $(BIN)/python tools/faults.py

# PvMonit's real functions and scripts beside ours: PVMONIT names a folder with PvMonit's source.
pvmonit: $(VENV)/dev.done
	PVMONIT="$(PVMONIT)" PASTS="$(PASTS)" $(BIN)/python tools/pvmonit.py

clean:
	rm -rf $(VENV) build lib/*.egg-info
