# make demo    .venv, install, train the default preset on the embedded digits, evaluate it
# make test    .venv, install with the test extra, then `check` and the whole test suite
# make fast    the tests that are not marked slow
# make nightly fuzzing in full, random kills, costly properties of every model, and the tests that guard other tests
# make check   lint, format and types alone
# make docs    .venv with the test extra, then the documentation with its executed gallery, in docs/_build/html
# Needs Python 3.11, 3.12 or 3.13 and a package index. Another interpreter: make demo PYTHON=/path/to/python
.PHONY: help demo test fast nightly check docs base-installed test-installed
.NOTPARALLEL:

DEMO := runs/demo
BIN := .venv/bin

# An interpreter will do if it runs (a version manager's shim may not), is in range and can make a venv with pip in it.
SUITABLE := import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell IFS=:; for name in python3.13 python3.12 python3.11 python3; do for folder in $$PATH; do \
	"$$folder/$$name" -c '$(SUITABLE)' >/dev/null 2>&1 && echo "$$folder/$$name" && exit; done; done)

help:
	@sed -n 's/^# make/make/p' Makefile

demo: base-installed
	rm -rf $(DEMO)
	$(BIN)/tfvae train --run-dir $(DEMO)
	$(BIN)/tfvae evaluate $(DEMO)
	@echo
	@echo "Trained and evaluated; everything is in $(CURDIR)/$(DEMO):"
	@echo "  figures/*.png     samples, reconstructions, loss curves, latent map"
	@echo "  evaluation.json   log-likelihood in nats with its standard error"
	@echo "  model.keras       the model; history.csv, config.json and checkpoints/ tell how it came about"
	@echo "Next: $(BIN)/tfvae sample $(DEMO) --out samples.png    or    $(BIN)/tfvae train --help"

test: check
	$(BIN)/python -m pytest -m "not alone and not nightly" -n 2 --dist worksteal --durations 30
	$(BIN)/python -m pytest -m "alone and not nightly"

fast: test-installed
	$(BIN)/python -m pytest -m "not slow and not alone and not nightly" -n 2 --dist worksteal

nightly: test-installed
	$(BIN)/python -m pytest -m nightly -n 2 --dist worksteal

check: test-installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

docs: test-installed
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "Built: docs/_build/html/index.html"

base-installed:
	$(call installed,base,.)

test-installed:
	$(call installed,test,.[test])

# $(call installed,NAME,REQUIREMENT): after it .venv holds REQUIREMENT. A .venv that does not run, lacks pip, belongs to
# another folder or has an unfinished install (.installing) is made anew; the stamp .installed-NAME is written last.
define installed
	@if test -e .venv/.installing || ! $(BIN)/python -c 'import pip' 2>/dev/null \
		|| ! grep -qsF '$(CURDIR)/.venv/bin/' $(BIN)/pip; then \
		set -e; python='$(PYTHON)'; \
		if ! "$$python" -c '$(SUITABLE)' 2>/dev/null; then \
			echo "no suitable Python: expected 3.11, 3.12 or 3.13 with venv and pip (on Debian: python3-venv);" \
				"received PYTHON=$$python; install one or name it: make PYTHON=/path/to/python" >&2; exit 2; fi; \
		echo "making .venv with $$python"; \
		rm -rf .venv; "$$python" -m venv .venv; fi
	@if ! test -e .venv/.installed-$(1) || test -n "$$(find setup.py pyproject.toml -newer .venv/.installed-$(1))"; then \
		set -e; touch .venv/.installing; \
		$(BIN)/python -m pip install --disable-pip-version-check -e '$(2)'; \
		mv .venv/.installing .venv/.installed-$(1); touch .venv/.installed-$(1); fi
endef
