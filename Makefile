# Everything a contributor runs. A machine needs Python 3.11, git and make; the rest is fetched into .uv and .venv by
# the package index that the environment already names (PIP_*, UV_* and their files are inherited).

PYTHON ?= $(shell command -v python3.11 || echo python3)
ifeq ($(shell uname -s),Darwin)
BACKEND ?= daemon
else
BACKEND ?= cpu
endif

# uv does not read pip's variable for the same thing.
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif

UV := .uv/bin/uv
BIN := .venv/bin
READY := .venv/.ready-$(BACKEND)

.PHONY: setup install demo test test-bf16 test-python test-slow test-browser test-peers bench bench-gpu faults lab-faults telemetry pack-trial farm-faults farm-sim farm-broker fuzz fuzz-wire trust mini mini-train lab-gate lint format sync coverage pin clean

setup: $(READY)
	$(if $(filter setup,$(MAKECMDGOALS)),@echo "kilnmark: installed. To make it a command: source $(BIN)/activate; or: make install")

# `kilnmark` as a command of yours, by uv, in an environment that is not this folder's; `make install` again after a change.
install: setup
	@$(BIN)/python -m scripts.tool_bounds build/uv
	@$(UV) tool install --force --quiet --python $(PYTHON) ".[$(BACKEND)]" \
		--overrides build/uv/overrides.txt --constraints build/uv/constraints.txt
	@echo "kilnmark: installed as $$($(UV) tool dir --bin)/kilnmark; \`$(UV) tool uninstall kilnmark\` takes it away"


$(UV):
	@echo "kilnmark: getting uv"
	@$(PYTHON) -m venv .uv
	@.uv/bin/pip install --quiet --disable-pip-version-check uv

# The installed copy of the sample pack is data, and goes stale with it.
$(READY): pyproject.toml $(shell find genre_packs -type f) | $(UV)
	@echo "kilnmark: installing into .venv (extra: $(BACKEND))"
	@$(UV) sync --quiet --compile-bytecode --python $(PYTHON) --extra $(BACKEND) --extra anthropic --extra openai --extra mcp --extra web --extra farm
	@rm -f .venv/.ready-*
	@touch $@

demo: setup
	@$(BIN)/kilnmark demo --output demo

# Held-out prompts and styles of the small model that is shipped, judged without training anything; minutes. JSON=FILE
# writes one JSON object, SHEETS=FOLDER what was painted.
mini: setup
	@$(BIN)/python -m scripts.mini.shipped --uv $(UV) $(if $(JSON),--json $(JSON)) $(if $(SHEETS),--sheets $(SHEETS))

# PyTorch trains it, in an environment of its own.
.mini/.ready:
	@echo "kilnmark: getting PyTorch into .mini"
	@$(PYTHON) -m venv .mini
	@.mini/bin/pip install --quiet --disable-pip-version-check torch==2.13.0 numpy msgspec pillow safetensors setuptools
	@touch $@

FOLDER ?= build/mini
DEVICE ?= cpu

mini-train: setup .mini/.ready
	@$(BIN)/python -m scripts.mini $(FOLDER) --device $(DEVICE) $(if $(QUICK),--quick)

# How often the lab's gate is wrong, on adapters of `mini` with known truth, which are trained and spoilt here; going on from
# what lies in LAB_GATE. JSON=FILE writes one JSON object.
LAB_GATE ?= build/lab-gate

lab-gate: export OPENBLAS_NUM_THREADS = 1
lab-gate: setup .mini/.ready
	@$(BIN)/python -m scripts.lab_gate $(LAB_GATE) $(if $(JSON),--json "$(JSON)")

lint: setup
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/mypy --no-error-summary --num-workers 2

test: lint
	@$(BIN)/pytest -q -n 3 --dist loadfile
	@$(MAKE) --no-print-directory test-bf16

# The layers, the judging and the probe once more in the precision that machines with a GPU compute in.
test-bf16: setup
	@KILNMARK_TEST_PRECISION=bfloat16 $(BIN)/pytest -q -n 2 --dist loadfile tests/engine/test_precisions.py \
		tests/engine/stack/test_exact.py tests/engine/proof/test_overlap.py tests/engine/proof/test_probe.py

VERSION ?= 3.13

# The same tests on another Python, which uv finds where it is installed, in an environment of its own.
test-python: $(UV)
	@UV_PROJECT_ENVIRONMENT=.pythons/$(VERSION) $(UV) sync --quiet --python $(VERSION) --extra $(BACKEND) --extra anthropic --extra openai --extra mcp --extra web --extra farm
	@.pythons/$(VERSION)/bin/pytest -q -n 2 --dist loadfile

test-slow: setup
	@$(BIN)/pytest -q -m slow --timeout=900

AXE := .browser/node_modules/axe-core/axe.min.js

$(AXE):
	@command -v npm > /dev/null || { echo "kilnmark: npm is not on PATH; it fetches axe-core (Debian: npm)"; exit 1; }
	@echo "kilnmark: getting axe-core"
	@npm install --silent --no-save --no-package-lock --no-fund --no-audit --prefix .browser axe-core@4.14.1

test-browser: setup $(AXE)
	@$(BIN)/pytest -q -m browser tests/client/batch tests/lab/pages tests/web

# Other people's clients: web3.py, jayson, socat, OpenAI's for JavaScript. Without one of them it fails.
test-peers: setup
	@$(BIN)/python -m scripts.peers
	@$(BIN)/pytest -q -m peers tests/peers

# ONLY="step switch" runs these parts alone, KEEP=1 shows them in docs/ too, JSON=FILE writes one JSON object,
# RIVALS=0 leaves diffusers out.
bench: export RIVALS ?= 1
bench: setup
	@$(BIN)/python -m scripts.bench --only $(ONLY) $(if $(KEEP),--keep) $(if $(JSON),--json "$(JSON)")

# On a card, full FLUX.1-dev of random weights, in under four minutes; SMALL=1 proves it on a machine without one.
# JSON=FILE writes one JSON object, ONLY="bf16 q8" runs these parts alone, KEEP=1 shows the table in docs/ too.
bench-gpu: setup
	@$(BIN)/python -m scripts.bench_gpu --only $(ONLY) $(if $(SMALL),--small) $(if $(KEEP),--keep) \
		$(if $(JSON),--json "$(JSON)")

# ONLY="kills disk" injects the faults of these themes alone, LOAD_SECONDS=600 makes the load last so long, JSON=FILE
# writes one JSON object. Wants root's rights: small disks are mounted, and another user is played.
faults: setup
	@$(BIN)/python -m scripts.faults --only $(ONLY) $(if $(JSON),--json "$(JSON)")

# Everything of the lab that pays somebody, killed at every point of its work. JSON=FILE writes one JSON object.
lab-faults: setup
	@$(BIN)/python -m scripts.lab_faults $(if $(JSON),--json "$(JSON)")

# A real run into a trace store and a metrics store, which it fetches into .stores, and asked back; what telemetry costs.
# JSON=FILE writes one JSON object.
telemetry: setup
	@$(BIN)/python -m scripts.telemetry $(if $(JSON),--json "$(JSON)")

# A pack from its first file to published pictures, as one person's session: killed, in two browsers, with a dead adapter.
# VARIANT=mini paints with the small model, TRIAL_SEED=N kills at the moments of an earlier run, JSON=FILE writes one
# JSON object.
pack-trial: setup
	@$(BIN)/python -m scripts.pack_trial $(if $(VARIANT),--variant $(VARIANT)) \
		$(if $(TRIAL_SEED),--seed $(TRIAL_SEED)) $(if $(JSON),--json "$(JSON)")

# Three machines of a farm, each with a network of its own, and what can happen to one; a broker whose disk is full; then
# what a farm costs a job, and ten thousand of them. Linux, root. LOGS=FOLDER keeps what the nodes wrote, JSON=FILE writes one JSON object.
farm-faults: setup
	@$(BIN)/python -m scripts.farm_faults $(if $(LOGS),--logs "$(LOGS)") $(if $(JSON),--json "$(JSON)")

# A hundred modelled nodes and a million jobs under the placement of real ones, beside perfect packing; half a minute.
# SIM_SEED=N draws another load, JSON=FILE writes one JSON object.
farm-sim: export OPENBLAS_NUM_THREADS = 1
farm-sim: setup
	@$(BIN)/python -m scripts.farm_sim $(if $(SIM_SEED),--seed $(SIM_SEED)) $(if $(JSON),--json "$(JSON)")

# What one broker takes on this machine, everything synced to disk before it is acknowledged; under half a minute.
farm-broker: setup
	@$(BIN)/python -m scripts.farm_broker

SECONDS ?= 600
SEED ?= $(shell date +%s)

fuzz: setup
	@$(BIN)/python -m tests.keymaps.fuzz --seconds $(SECONDS) --seed $(SEED)

fuzz-wire: setup
	@$(BIN)/python -m tests.daemon.wire.fuzz --seconds $(SECONDS) --seed $(SEED)

COUNT ?= 5000

trust: export OPENBLAS_NUM_THREADS = 1
trust: setup
	@$(BIN)/python -m tests.trust --count $(COUNT) --seed $(SEED)

coverage: setup
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest -q -n 2 --dist loadfile
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report

format: setup
	@$(BIN)/ruff check --fix --quiet
	@$(BIN)/ruff format --quiet

sync: setup
	@$(BIN)/python -m scripts.make_sync

pin: setup
	@$(BIN)/python scripts/pin.py

clean:
	@rm -rf .venv .pythons .uv .rivals .mini .peers .browser .stores .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist demo uv.lock
