# make run · make test · make test-all · make bench · make check · make vendor · make lock
PYTHON ?= python3
PORT ?= 8000
export COMPTOIR_HOME ?= $(CURDIR)/.comptoir
export PORT
BIN := .venv/bin

.PHONY: run up test test-all check bench vendor lock messages clean

run: .venv/run.stamp  ## start the product with its demo; Ctrl-C stops it
	@$(BIN)/comptoir up --demo

up: .venv/run.stamp  ## start the product without the demo
	@$(BIN)/comptoir up

test: .venv/dev.stamp  ## everything that needs Python packages alone
	$(BIN)/python -m pytest -q

test-all: .venv/dev.stamp  ## everything, with a real browser and real servers (Debian and npm packages)
	bin/setup
	COMPTOIR_TEST_ALL=1 $(BIN)/python -m pytest -q -rs

check: .venv/dev.stamp  ## format, lint, types, import rules, migrations, translations
	bin/ci

bench: .venv/dev.stamp
	$(BIN)/python -m bench.run $(BENCH)

vendor:  ## copy the front-end files that package.json pins
	bin/vendor

lock:  ## compile the lock files; needs uv
	uv pip compile -q --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-header requirements.in -o requirements.lock
	uv pip compile -q --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-header requirements-dev.in -o requirements-dev.lock

messages: .venv/dev.stamp  ## collect and compile the translations; needs gettext
	cd src/comptoir && ../../$(BIN)/django-admin makemessages -l fr --no-location --no-obsolete && ../../$(BIN)/django-admin makemessages -d djangojs -l fr --no-location --no-obsolete
	cd src/comptoir && ../../$(BIN)/django-admin compilemessages -l fr

clean:
	rm -rf .venv .mypy_cache .ruff_cache .import_linter_cache

.venv/python.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Comptoir needs Python 3.11 or later: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/run.stamp: requirements.lock pyproject.toml | .venv/python.stamp
	@echo "Installing what Comptoir needs (once) ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev.stamp: requirements-dev.lock .venv/run.stamp
	@echo "Installing what the tests need (once) ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@
