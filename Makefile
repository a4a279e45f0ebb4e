# Everything is set up on demand, in this folder alone: .venv holds the Python packages, .cache what
# else is fetched. What stands in requirements/*.txt is installed, nothing else, each file checked
# against its hash. Works with GNU make 3.81 and newer; paths are relative, so that the folder's own
# name may hold spaces.

# The first of these that is Python 3.11 or newer makes .venv; PYTHON=python3.13 names another.
PYTHONS = $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11)

python = .venv/bin/python
# Wheels only: building from source would fetch build tools that no hash here covers.
install = $(python) -m pip install --quiet --disable-pip-version-check --no-input \
    --require-hashes --only-binary :all: --requirement

# A worker of pytest-xdist for each processor; who has nothing left to do takes from the others.
parallel = --numprocesses logical --dist worksteal

.DELETE_ON_ERROR:
.PHONY: help install demo test lint faults interleavings tried mutants e2e bench called pictures format requirements clean

help: ## List the targets (the default)
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' Makefile

install: .venv/.runtime ## Put the command into .venv/bin
	@echo "Installed: $$PWD/.venv/bin/provisioner"

demo: .venv/.runtime ## Play the whole story against an embedded instance and GitHub
	@.venv/bin/provisioner demo

test: lint .venv/.dev .cache/github-api.json ## Check style, types and behaviour
	$(python) -m ruff check
	$(python) -m ruff format --check
	$(python) -m mypy
	$(python) -m pytest $(parallel)

# Without a network: each brings the rules and schemas that it checks with, and the versions are
# pinned, so that the verdict changes with the files alone.
workflows = .github/workflows/*.yml provisioner/workflows/*.yml

lint: .venv/.dev ## Check the action, its image and the workflows
	.venv/bin/actionlint -shellcheck .venv/bin/shellcheck $(workflows)
	.venv/bin/zizmor --offline --quiet --pedantic --config .github/zizmor.yml \
	    action.yml .github/dependabot.yml $(workflows)
	.venv/bin/hadolint Dockerfile
	.venv/bin/check-jsonschema --builtin-schema vendor.github-actions action.yml
	.venv/bin/check-jsonschema --builtin-schema vendor.github-workflows $(workflows)
	.venv/bin/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml

faults: .venv/.dev ## Strike at every request with every fault, let runs meet, and count
	$(python) -m tests.invariants

interleavings: .venv/.dev ## Let two runs meet at every pair of requests
	$(python) -m tests.invariants interleavings

tried: .venv/.dev .cache/github-api.json ## Print what faults, runs and orders are tried
	@$(python) -m tests.tools.tried

# A part of them: make mutants ONLY='provisioner.journal_store*'
mutants: .venv/.mutation .cache/github-api.json ## Change the code, and count what no test notices
	$(python) -m tests.tools.mutants '$(or $(ONLY),provisioner.*)'

e2e: .venv/.e2e .cache/github-api.json ## Test with a real OAuth server and a browser (Debian)
	tests/e2e/setup
	@# By files: act names its containers by workflow and job, so that two tests of it would collide.
	@# (Marks of a group do nothing with pytest 9.2: pytest-dev/pytest-xdist#1386.)
	$(python) -m pytest $(parallel) --dist loadfile tests/e2e

bench: .venv/.e2e .cache/runtime/.stamp .cache/benchmarks/.stamp ## Measure, beside other tools for the same work (Debian)
	tests/e2e/setup
	$(python) -m tests.tools.benchmarks

called: .venv/.dev ## Print which files have a function called in a first complete
	@$(python) -m tests.tools.benchmarks.called

pictures: .venv/.e2e ## Draw README's pictures from real output (Debian)
	tests/e2e/setup
	$(python) -m tests.tools.pictures

format: .venv/.dev ## Put the code in shape
	$(python) -m ruff check --fix
	$(python) -m ruff format

clean: ## Remove what the other targets made
	rm -rf .venv .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis dist mutants
	find . -name __pycache__ -prune -exec rm -rf {} +

# A stamp file is newer than what it was made from: set-up happens when requirements change.

.venv/.runtime: requirements/runtime.txt requirements/build.txt pyproject.toml
	@found=; lacking=; \
	for candidate in $(PYTHONS); do \
	    "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	    if "$$candidate" -c 'import ensurepip, venv' 2>/dev/null; then found=$$candidate; break; fi; \
	    lacking=$${lacking:-$$candidate}; \
	done; \
	if [ -z "$$found" ]; then \
	    if [ -n "$$lacking" ]; then \
	        echo "$$lacking can't make a virtual environment. On Debian or Ubuntu:" \
	            "sudo apt-get install python3-venv (or $$("$$lacking" -c \
	            'import sys; print("python%d.%d-venv" % sys.version_info[:2])'))."; \
	    else \
	        echo "This needs Python 3.11 or newer; looked for: $(PYTHONS). Install one," \
	            "or name the one you have: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12"; \
	    fi >&2; \
	    exit 1; \
	fi; \
	echo "Setting up .venv with $$found" >&2; \
	"$$found" -m venv --clear .venv
	@$(install) requirements/runtime.txt --requirement requirements/build.txt
	@# The package itself is a link to this folder, made by the build backend that build.txt pins.
	@$(python) -m pip install --quiet --disable-pip-version-check --no-input \
	    --no-index --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.dev: .venv/.runtime requirements/dev.txt
	@echo "Adding the development tools to .venv" >&2
	@$(install) requirements/dev.txt
	@touch $@

.venv/.e2e .venv/.mutation: .venv/.%: requirements/%.txt .venv/.dev
	@$(install) $<
	@touch $@

.cache/github-api.json: tests/servers/fetch.py requirements/node.txt .venv/.runtime
	@$(python) tests/servers/fetch.py $@

# Releases of the last week are left alone: a hijacked one is usually found by then.
uv = .cache/uv/bin/uv pip compile --quiet --no-config --universal --python-version 3.11 \
    --generate-hashes --no-emit-index-url --custom-compile-command "make requirements" \
    --upgrade --exclude-newer "7 days"

requirements: .cache/uv/.stamp ## Renew the pinned versions and hashes in requirements/
	$(uv) pyproject.toml -o requirements/runtime.txt
	$(uv) requirements/build.in -c requirements/runtime.txt -o requirements/build.txt
	$(uv) pyproject.toml requirements/dev.in -c requirements/runtime.txt -o requirements/dev.txt
	$(uv) requirements/e2e.in -o requirements/e2e.txt
	$(uv) requirements/benchmarks.in -o requirements/benchmarks.txt
	$(uv) requirements/mutation.in -o requirements/mutation.txt
	$(uv) requirements/node.in -o requirements/node.txt
	$(uv) requirements/uv.in -o requirements/uv.txt

# Each has what it needs, and nothing else: what a program imports depends on what is there.
.cache/uv/.stamp .cache/runtime/.stamp .cache/benchmarks/.stamp: .cache/%/.stamp: \
    requirements/%.txt .venv/.runtime
	@$(python) -m venv --clear .cache/$*
	@.cache/$*/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
	    --require-hashes --only-binary :all: --requirement $<
	@touch $@
