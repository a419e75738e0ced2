# One machine is enough: Python 3.11 or newer and make. Everything else is installed into this folder, pinned and hashed.
#
#   PYTHON    the interpreter to make the environments with; naming another one makes them anew
#   VERBOSE   1 shows what `sam build` and `sam deploy` say; it is always in .local/*.log

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:

PYTHON ?= python3
BEGAN := $(shell date +%s)
UV := .tools/uv/bin/uv
BIN := .venv/bin
SAM := .tools/sam/bin/sam
ENVIRONMENTS := .venv/bin/eums-bridge .tools/sam/.synced .tools/ministack/.synced .tools/runtime/.synced .tools/node/.synced
CODE := layers functions local tests examples
LOCKS := requirements/uv requirements/development requirements/sam requirements/ministack \
	requirements/runtime requirements/gates layers/eums/requirements layers/bridge/requirements

# What a shell has active must not decide what runs here.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV UV_PYTHON UV_PROJECT_ENVIRONMENT
export UV_PYTHON_DOWNLOADS := never
export SAM_CLI_TELEMETRY := 0

# `sam` builds the layers with uv; no command of this file ever reaches a real AWS account.
NOWHERE := -u AWS_PROFILE -u AWS_DEFAULT_PROFILE -u AWS_SESSION_TOKEN AWS_CONFIG_FILE=/dev/null \
	AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true AWS_ACCESS_KEY_ID=local \
	AWS_SECRET_ACCESS_KEY=local AWS_ENDPOINT_URL=http://127.0.0.1:1
SAM_HERE := env $(NOWHERE) PATH="$(CURDIR)/.tools/sam/bin:$(CURDIR)/.tools/uv/bin:$$PATH" $(SAM)

.PHONY: help run test test-sam-local sam-local fmt lint types build unit e2e bench compare cost scaling torture soak fuzz invoke replay \
	openapi lock environments clean FORCE

help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

run: environments ## Serve the whole bridge on this machine, send a first message, follow the events; Ctrl-C ends it
	@env MADE_AT=$(BEGAN) $(BIN)/python -m local.run

test: lint unit build e2e ## Everything: linters, tests, both builds, the deployed stack on an emulated AWS

# Where no engine can be had its tests are skipped, and say why.
test-sam-local: environments ## `sam local` for real: a Docker Engine of its own, as root with Debian's docker.io
	@$(BIN)/pytest tests/sam_local

fmt: environments ## Format the code and repair what the linter can
	@$(BIN)/ruff format $(CODE)
	@$(BIN)/ruff check --fix $(CODE)

lint: types .tools/gates/.synced ## Format, lint, types, import contracts; the template by cfn-lint and checkov; known vulnerabilities
	@$(BIN)/ruff format --check $(CODE)
	@$(BIN)/ruff check $(CODE)
	@env PYTHONPATH=layers/eums:layers/bridge:. $(BIN)/lint-imports
	@$(BIN)/python -m local.gates
	@for template in own-queue network; do $(SAM_HERE) validate --lint --region cn-north-1 --template examples/$$template/template.yaml || exit; done

types: environments
	@$(BIN)/mypy $(CODE)

unit: environments ## The tests that need no deployed stack
	@$(BIN)/pytest tests --ignore=tests/e2e --ignore=tests/sam_local --numprocesses auto --maxprocesses 8 --dist worksteal

build: environments ## Build for Lambda (python3.13, arm64) and for this machine, and check what was built
	@$(SAM_HERE) build
	@$(BIN)/python -m local.stack
	@$(BIN)/python -m local.artifacts

e2e: environments ## The tests of the deployed stack: of three stacks side by side, on free ports
	@$(BIN)/pytest tests/e2e --numprocesses 3 --dist loadfile --no-loadscope-reorder --durations 12 --durations-min 10

bench: environments ## Measure, as ratios in one run, into a table and .local/bench.json; with CHECK=1 a missed goal fails
	@$(SAM_HERE) build >/dev/null 2>&1
	@$(BIN)/python -m local.stack
	@env PYTHONPATH=layers/eums:layers/bridge:. $(BIN)/python -m tests.bench $(BENCH)

compare: environments ## Kannel and a plain script beside the bridge, minutes long, into a table and docs/comparison.md
	@env PYTHONPATH=layers/eums:layers/bridge:. $(BIN)/python -m tests.bench.comparing --write

cost: environments ## Count the calls and units of a send and a report, and write the bill into docs/cost.md
	@env PYTHONPATH=layers/eums:layers/bridge:. $(BIN)/python -m tests.bench.costing --write

scaling: environments ## Simulate loads up to 100,000 a second, for the tables of docs/scaling.md
	@env PYTHONPATH=layers/eums:layers/bridge:. $(BIN)/python -m tests.scaling

torture: environments ## Kill the bridge at every point, far more often than `make test` does: SEEDS=500
	@env CRASH_SEEDS=$(or $(SEEDS),500) $(BIN)/pytest tests/crash -s

soak: environments ## Steady load while the gateway and AWS fail, then the books: MINUTES=10 [SEED=] [RATE=]
	@env PYTHONPATH=layers/eums:layers/bridge:. $(BIN)/python -m tests.soak

# A round has new examples each time; what one of them finds ends it.
fuzz: environments ## Hostile input for every decoder and body, again and again: MINUTES=10
	@end=$$(( $$(date +%s) + 60 * $(or $(MINUTES),10) )); while [ $$(date +%s) -lt $$end ]; do \
		env EXAMPLES=200 $(BIN)/pytest tests/property -q -p no:cacheprovider || exit; done

invoke: environments ## Run one function of the running stack: FUNCTION=messages EVENT=events/messages.json
	@$(BIN)/python -m local.invoke "$(FUNCTION)" "$(EVENT)"

sam-local: environments ## Let functions in containers (sam local invoke, start-api) reach the running stack; Ctrl-C ends it
	@env MADE_AT=$(BEGAN) $(BIN)/python -m local.containers

replay: environments ## Publish again what the journal kept: FROM=2026-11-23T00:00 TO=2026-11-24T00:00 [ACCOUNT=] [KIND=reports|inbound] [QUARANTINED=1]
	@$(BIN)/eums-bridge replay --from "$(FROM)" --to "$(TO)" $(if $(ACCOUNT),--account "$(ACCOUNT)") \
		$(if $(KIND),--kind "$(KIND)") $(if $(filter-out 0,$(QUARANTINED)),--quarantined)

openapi: environments ## Write the OpenAPI document anew from the models
	@env PYTHONPATH=layers/eums:layers/bridge:. $(BIN)/python -m local.openapi

lock: .tools/uv/.synced ## Compile the requirement files anew: the newest versions that fit
	@set -e; for name in $(LOCKS); do echo "$$name.txt"; $(UV) pip compile --quiet --upgrade --universal --generate-hashes \
		--no-emit-index-url --no-emit-find-links --python-version 3.11 --no-header $$name.in -o $$name.txt; done

clean: ## Remove everything that was made here, the environments too
	rm -rf .venv .tools .local .aws-sam .hypothesis .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the environments: .tools/uv by pip, the others by uv. A stamp is written last, so an interrupted one is made anew.

environments: .tools/uv/.synced
	@$(MAKE) --silent --no-print-directory $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j3) $(ENVIRONMENTS)

# Without PYTHON the environments stay as they were made; with it, another version makes them anew.
.tools/interpreter: $(if $(filter file,$(origin PYTHON)),,FORCE)
	@command -v "$(PYTHON)" >/dev/null || { \
		echo "$(PYTHON) is not there: install Python 3.11 or newer, or name one, as in: make PYTHON=/path/to/python3.13 $(MAKECMDGOALS)" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "$$("$(PYTHON)" -V 2>&1) is too old: Python 3.11 or newer is needed, as in: make PYTHON=python3.13 $(MAKECMDGOALS)" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make virtual environments: install its venv module (on Debian and Ubuntu: apt install python3-venv)" >&2; exit 1; }
	@mkdir -p .tools
	@"$(PYTHON)" -c 'import sys; print(sys.version); print(sys._base_executable)' >$@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

.tools/uv/.synced: requirements/uv.txt $(if $(wildcard .tools/uv/bin/uv),,FORCE) | .tools/interpreter
	@echo "Installing uv into .tools/uv"
	@rm -rf .tools/uv
	@"$(PYTHON)" -m venv .tools/uv
	@.tools/uv/bin/python -m pip --quiet --disable-pip-version-check install --require-hashes --only-binary :all: --requirement $<
	@touch $@

define sync
	@echo "Installing $< into $(@D)"
	@if [ -e $(@D)/.incomplete ] || [ ! -x $(@D)/bin/python ] || { [ -e $@ ] && [ .tools/interpreter -nt $@ ]; }; then \
		rm -rf $(@D); fi
	@$(UV) venv --quiet --no-project --allow-existing --python "$(PYTHON)" $(@D)
	@touch $(@D)/.incomplete
	@$(UV) pip sync --quiet --require-hashes --python $(@D) $<
	@rm $(@D)/.incomplete
	@touch $@
endef

.venv/.synced: requirements/development.txt .tools/interpreter $(if $(wildcard .venv/bin/python),,FORCE) | .tools/uv/.synced
	$(sync)

# The command line. It is no distribution: the script finds the checkout that it lies in.
.venv/bin/eums-bridge: local/cli/eums-bridge.sh .venv/.synced
	@install -m 755 $< $@

.tools/sam/.synced: requirements/sam.txt .tools/interpreter $(if $(wildcard .tools/sam/bin/python),,FORCE) | .tools/uv/.synced
	$(sync)

.tools/ministack/.synced: requirements/ministack.txt .tools/interpreter $(if $(wildcard .tools/ministack/bin/python),,FORCE) | .tools/uv/.synced
	$(sync)

# What a few tests need of Node. Without npm, or where it cannot install, those are skipped and say so; it is tried once,
# so that nobody without a registry waits for it each time.
.tools/node/.synced: requirements/node/package.json requirements/node/package-lock.json
	@if command -v npm >/dev/null; then \
		echo "Installing requirements/node into $(@D)"; rm -rf $(@D) && mkdir -p $(@D) && cp $^ $(@D) && \
		{ (cd $(@D) && npm ci --ignore-scripts --no-audit --no-fund --fetch-retries 0 --loglevel error >npm.log 2>&1) || { \
			rm -rf $(@D)/node_modules; \
			echo "npm cannot install it here (see $(@D)/npm.log): its tests are skipped. rm -r $(@D) tries again" >&2; }; } && \
		touch $@; fi

.tools/runtime/.synced: requirements/runtime.txt .tools/interpreter $(if $(wildcard .tools/runtime/bin/python),,FORCE) | .tools/uv/.synced
	$(sync)

# Only `make lint` needs them, so that nothing else waits for them.
.tools/gates/.synced: requirements/gates.txt .tools/interpreter $(if $(wildcard .tools/gates/bin/python),,FORCE) | .tools/uv/.synced
	$(sync)
