# Everything a person or a machine does with this repository. `make` alone lists it.

PYTHON ?= python3
BIN := .venv/bin
TEST_ENV := $(BIN)/python -m tests.environment
UV := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url
# A key that lives as long as the check; the example holds none, so that nobody can use it.
SAMPLE_KEY = $$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(50))')

.DEFAULT_GOAL := help
.PHONY: help run test faults bench-ledger bench-payments bench-pool-page check fmt shell manage clean distclean messages lock dev

help: ## List these targets
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## /  \1 |/' | column -t -s '|'

run: ## Start the demo: site, worker, database, payment sandbox (PORT=8000, HOST=127.0.0.1)
	@PORTAL_MODE=$${PORTAL_MODE:-demo} exec $(PYTHON) portal/bootstrap.py run

dev: # .venv with what tests and checks need
	@$(PYTHON) portal/bootstrap.py dev

test: dev ## Run all tests in parallel (ARGS= goes to pytest)
	@$(BIN)/python -m pytest -n auto $(ARGS)

faults: dev ## Kill writers, sealer and PostgreSQL at random, then judge the books (FAULT_SECONDS=300)
	@FAULT_SECONDS=$${FAULT_SECONDS:-300} FAULT_ROUNDS=$${FAULT_ROUNDS:-5} \
		FAULT_WRITERS=$${FAULT_WRITERS:-6} $(BIN)/python -m pytest tests/faults -s $(ARGS)

check: dev ## Lint, format, types, import rules, templates, migrations, production settings
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(TEST_ENV) $(BIN)/mypy
	$(TEST_ENV) $(BIN)/lint-imports
	$(BIN)/djlint templates --lint --quiet
	$(TEST_ENV) $(BIN)/python manage.py compile_translations
	$(TEST_ENV) $(BIN)/python manage.py makemigrations --check --dry-run
	env $$(grep -E '^[A-Z]' docs/production.env) SECRET_KEY=$(SAMPLE_KEY) \
		LEDGER_SIGNING_KEY=$$($(BIN)/python -c 'from funding.ledger import notes; \
			print(notes.make_signer_key("foundation.example.org/ledger"))') \
		$(BIN)/python manage.py check --deploy --fail-level WARNING

bench-ledger: dev ## Measure the ledger against pgbench and django-hordak (an hour; ARGS="--only post")
	$(BIN)/python -m bench.ledger $(ARGS)

bench-payments: dev ## Measure the webhook endpoint and the draining of its inbox (a quarter of an hour)
	$(BIN)/python -m bench.payments $(ARGS)

bench-pool-page: dev ## Measure the pool page at a million entries against a thousand (half an hour)
	$(BIN)/python -m bench.pool_page $(ARGS)

fmt: dev ## Format the code and mend what can be mended by itself
	$(BIN)/ruff check --fix --quiet . || true
	$(BIN)/ruff format .

shell: ## Open a Python shell on the demo's data
	@PORTAL_MODE=$${PORTAL_MODE:-demo} $(PYTHON) portal/bootstrap.py run manage shell

manage: ## Run a manage.py command on the demo's data (ARGS="verify_ledger")
	@PORTAL_MODE=$${PORTAL_MODE:-demo} $(PYTHON) portal/bootstrap.py run manage $(ARGS)

clean: ## Delete the demo's data and every cache
	@$(PYTHON) portal/bootstrap.py clean

distclean: clean ## Delete .venv as well
	rm -rf .venv

messages: ## Bring the translations up to the texts in the code (needs GNU gettext)
	$(TEST_ENV) $(BIN)/python manage.py makemessages -l fr -l pt --no-wrap --no-location \
		-i '.venv/*' -i 'var/*' -i 'tests/*' -i 'sandbox/*'

lock: ## Compile requirements*.in into the hashed lock files (needs uv)
	$(UV) requirements.in -o requirements.lock
	$(UV) requirements-dev.in -o requirements-dev.lock
