# Two commands do all the set-up on a machine with Python and nothing else:
#   make demo    makes .venv/, carries real flights through both platforms, shows the result
#   make test    makes .venv/, runs everything CI runs
PYTHON ?= python3
BIN := .venv/bin
# On two cores three take a fifth less time, and what waits for real time is then late more often.
WORKERS ?= 2

# Hundreds of processes are started here: none compiles anew what another has compiled.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test lint types unit test-slow leaks soak versions wheel bench lock docs clean

# The stamp is newer than the lock exactly when the environment is what the lock says.
.venv/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "pelton needs Python 3.11 or newer; say which one with: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r tools/uv.lock
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: .venv/.installed
	$(BIN)/python examples/flights/demo.py

test: .venv/.installed lint unit wheel versions

lint: .venv/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(MAKE) --jobs 2 types types-3.12 types-3.13
	$(BIN)/lint-imports

types: .venv/.installed
	$(BIN)/mypy

types-%: .venv/.installed
	$(BIN)/mypy --python-version $* --cache-dir .mypy_cache_$*

unit: .venv/.installed
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal

# Exhaustive, or waiting for what only real time brings.
test-slow: .venv/.installed
	$(BIN)/python -m pytest -q -m "slow or hypothesis" --hypothesis-profile exhaustive --timeout 900

# Garbage is collected after each test: what it has left open fails it.
leaks: .venv/.installed
	$(BIN)/python -X tracemalloc=10 -m pytest -q -n $(WORKERS) -p tools.collect_after_each_test -W error

# Mixed load with sandboxes killed at random, then the books: nothing acknowledged may be lost.
MINUTES ?= 20
soak: .venv/.installed
	$(BIN)/python tools/soak.py --minutes $(MINUTES)

# The wheel is what people install: the same import, the same command, outside this tree.
wheel: .venv/.installed
	$(BIN)/python tools/check_wheel.py

# The other supported Pythons that this machine has run the tests of what ships.
versions: .venv/.installed
	$(BIN)/python tools/check_versions.py

bench: .venv/.installed
	$(BIN)/python -m benchmarks

docs: .venv/.installed
	$(BIN)/python tools/make_docs.py

lock:
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --generate-hashes --no-header --no-annotate pyproject.toml -o requirements.lock
	grep -A40 '^uv==' requirements.lock | awk 'NR == 1 || /^ / {print; next} {exit}' > tools/uv.lock

clean:
	rm -rf .venv .venv-* .mypy_cache* .pytest_cache .ruff_cache .hypothesis .pelton
