# Everything runs from Python 3.11 or newer and make: the rest is installed here, once, exactly as locked.

PYTHON ?= python3
VENV ?= .venv
ARGS ?=
JOBS ?= 5
KIS ?= simulator
ORDERS ?= no

BIN := $(VENV)/bin
READY := $(VENV)/.installed

AUDIT := .venv-audit
LOCKED := $(AUDIT)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header $(ARGS)

.PHONY: install demo test conformance chaos rollout matrix closings fuzz lint format bench lock sbom audit deploy-check images clean
.DEFAULT_GOAL := test

install: $(READY)  ## the environment only: .venv with the locked packages; starts nothing

demo: $(READY)  ## a whole accelerated trading day; ARGS="--help" shows what can be asked
	$(BIN)/python demo.py $(ARGS)

test: $(READY)  ## all tests, against real servers, in JOBS processes; 0 runs them in one, as a debugger needs
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

conformance: $(READY)  ## what we believe about KIS, asked of the simulator; KIS=paper with keys in .env, ORDERS=yes to place orders there
	$(BIN)/python -m tools.conformance --kis $(KIS) --orders $(ORDERS) $(ARGS)

chaos: $(READY)  ## days under a seeded adversary, then every invariant counted; ARGS="--seed 7 --rounds 3"
	$(BIN)/python -m tools.chaos $(ARGS)

rollout: $(READY)  ## a release rolled while shares are held, there and back, and to a build that is stuck; ARGS="--positions 6" for a short one
	$(BIN)/python -m tools.rollout $(ARGS)

matrix: $(READY)  ## every crash point times every answer of the broker, every planted bug; takes hours, HARU_MATRIX_EVERY=20 plays each 20th
	HARU_MATRIX=full $(BIN)/python -m pytest tests/trials/crash_points tests/trials/planted_bugs tests/workflows/test_messages_property.py -s -q $(ARGS)

closings: $(READY)  ## the ends of many seeded days and the mornings after them, judged; ARGS="--count 200 --seed 1"
	$(BIN)/python -m tests.trials.closing_days $(ARGS)

fuzz: $(READY)  ## damaged replies through every reader of the KIS client; ARGS="--count 100000 --seed 7"
	$(BIN)/python -m tests.trials.fuzz $(ARGS)

lint: $(READY)  ## style, types, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports
	$(BIN)/lint-imports --config .importlinter.runtime

format: $(READY)  ## fix what lint can fix automatically
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY)  ## speed beside its floor, a quarter of an hour; ARGS="--quick", or names such as ARGS="lock scan"
	$(BIN)/python -m tools.bench $(ARGS)

lock: $(AUDIT)/.installed  ## the lock files from pyproject.toml, keeping their versions; ARGS="--upgrade" takes the newest, ARGS="--upgrade-package httpx" one
	$(LOCKED) pyproject.toml --output-file requirements.lock
	$(LOCKED) pyproject.toml --group dev --output-file requirements-dev.lock
	$(LOCKED) --group audit --output-file requirements-audit.lock

sbom: $(AUDIT)/.installed  ## what we are made of, from the lock files, as CycloneDX: haru.cdx.json and haru-dev.cdx.json
	$(AUDIT)/bin/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --output-reproducible -o haru.cdx.json
	$(AUDIT)/bin/cyclonedx-py requirements requirements-dev.lock --pyproject pyproject.toml --output-reproducible -o haru-dev.cdx.json

audit: $(AUDIT)/.installed  ## known vulnerabilities of the locked packages; needs the network, and fails where it cannot ask
	$(AUDIT)/bin/pip-audit --strict --disable-pip --require-hashes -r requirements.lock -r requirements-dev.lock $(ARGS)

deploy-check: $(READY) $(AUDIT)/.installed  ## compose, Kubernetes and systemd files and the Dockerfile, also by tools that the other tests do without
	PATH="$(CURDIR)/$(AUDIT)/bin:$$PATH" $(BIN)/python -m pytest -n 0 -rs tests/deploy $(ARGS)

images:  ## pins the images of docker-compose.yml to their digests, in deploy/images.env; needs Docker and the network
	$(PYTHON) deploy/pin_images.py

clean:  ## removes environments and caches; the data folder .haru stays
	rm -rf .venv .venv-* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(AUDIT)/.installed: requirements-audit.lock
	@$(PYTHON) tools/install.py $(AUDIT) requirements-audit.lock

$(READY): requirements-dev.lock
	@command -v $(PYTHON) >/dev/null || \
		{ echo "there is no $(PYTHON): apt install python3 python3-venv; or try: make PYTHON=python3.13 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; try: make PYTHON=python3.13 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) tools/install.py $(VENV)
