# make install   everything, into .venv
# make demo   set everything up and run the quickstart experiment
# make test   set everything up and run the tests (about six and a half minutes on two cores)
# make soak   the long tests, a module after the other (half a day on two cores)
# make lint   format, lint and types
# make docs   docs/reference: commands and configuration, from the parser and the schema, and the tables of pages
# make coverage   the branches that the tests reach, least covered files first (twice as long)

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   := .venv
BIN    := $(VENV)/bin
EXTRAS := cluster,tracking,report,learn,onednn,onnx,onnxruntime,dev
STAMP  := $(VENV)/.installed
DEMO   ?= experiment=quickstart
SOAKED ?= $(sort $(shell grep -rl --include='test_*.py' 'mark\.soak' tests))

.PHONY: install demo test soak lint docs coverage clean
.DELETE_ON_ERROR:

install: $(STAMP)

demo: $(STAMP)
	$(BIN)/polydl run $(DEMO)

test: $(STAMP)
	$(BIN)/python -m pytest -m "not soak and not cluster" --numprocesses=auto
	$(BIN)/python -m pytest -m "cluster and not soak" tests/harness/cluster

# A process for each module, so that one that hangs or dies takes no other with it; what failed is told
# at the end. What a test leaves that passed, gigabytes in all, goes at once.
soak: $(STAMP)
	@failed=; for module in $(SOAKED); do echo "$$module"; \
	  $(BIN)/python -m pytest -m soak -o tmp_path_retention_policy=failed $$module || \
	  failed="$$failed $$module"; done; \
	test -z "$$failed" || { echo "failed:$$failed" >&2; exit 1; }

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

docs: $(STAMP)
	$(BIN)/python -m harness.cli.reference > docs/reference/commands.md
	$(BIN)/python -m harness.settings.reference > docs/reference/configuration.md
	$(BIN)/polydl claims tables=true

# The second table is the share of the cluster, whose tests start nodes in a process of their own: Ray
# keeps signals and variables of the one it ran in. A test that fails takes no table away.
coverage: $(STAMP)
	$(BIN)/coverage erase
	-$(BIN)/coverage run -m pytest -m "not soak and not cluster" --numprocesses=auto --timeout=600
	-$(BIN)/coverage run -m pytest -m "cluster and not soak" --timeout=600 tests/harness/cluster
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report
	$(BIN)/coverage report --include="harness/cluster/*"

# uv installs in seconds what takes pip a minute; where uv cannot be had, pip does it.
$(STAMP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "polydl needs Python 3.11 or newer on the PATH" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "polydl needs Python 3.11 or newer, found $$($(PYTHON) -V); set PYTHON=..." >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@if $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt uv && \
	    $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -c constraints.txt -e '.[$(EXTRAS)]'; \
	then :; else echo "uv did not install it; trying pip" >&2; \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check \
	    -c constraints.txt -e '.[$(EXTRAS)]'; fi
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*
