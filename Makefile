# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

.DEFAULT_GOAL := help
SHELL := /bin/sh

# What make test goes through. PGTLS_GATES names other gates, which the table at the end then says.
# Sanity uses one core for minutes, so it runs beside the three after it (see scripts/gates.sh), and so do the faults.
GATES := lint types docs unit sanity+unit-floor+libraries+pkilint integration hostile \
         faults+fuzz-short+orders+differential-short+cores+demo-twice+molecule+galaxy
PGTLS_GATES ?= $(GATES)
each = $(subst +, ,$(1))

.PHONY: help demo demo-clean test lint types unit unit-floor libraries pkilint clients trust-stores load hostile faults orders fuzz fuzz-short sanity sanity-all differential differential-short integration cores demo-twice molecule molecule-all bare galaxy docs bench readmes pins \
        format clean

help: ## this list
	@awk 'BEGIN { FS = ":.*## " } /^##@/ { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo

##@ See it
demo: ## a throwaway PostgreSQL on port 5501, from no TLS to proven mutual TLS
	@scripts/venv.sh demo
	@scripts/demo.sh run

demo-clean: ## stop that server and remove everything the demo made, its virtual environment too
	@scripts/demo.sh clean
	@rm -rf .venv/demo
	@rmdir .venv 2>/dev/null || true

##@ Prove it
test: ## every gate below, with a table of seconds at the end; root gets the packages that are missing installed
	@scripts/packages.sh install $(call each,$(PGTLS_GATES))
	@PGTLS_LEFT_OUT="$(filter-out $(call each,$(PGTLS_GATES)),$(call each,$(GATES)))" scripts/gates.sh $(PGTLS_GATES)

lint: ## ruff (format and check), yamllint, ansible-lint in its production profile
	@scripts/packages.sh check $@
	@scripts/gate-lint.sh

types: ## mypy strict on modules, filters and all that they import
	@scripts/packages.sh check $@
	@scripts/venv.sh dev
	@.venv/dev/bin/mypy plugins/modules plugins/action plugins/filter plugins/plugin_utils plugins/module_utils

unit: ## unit tests with the newest libraries
	@scripts/packages.sh check $@
	@scripts/venv.sh dev
	@.venv/dev/bin/pytest -n auto tests/unit

unit-floor: ## the same with Python 3.9 and cryptography 3.3.2, the oldest managed host
	@scripts/packages.sh check $@
	@scripts/gate-unit-floor.sh

libraries: ## the certificate tests with the Python and the cryptography of Debian 12 and 13
	@scripts/packages.sh check $@
	@scripts/gate-libraries.sh debian-12 debian-13

pkilint: ## certificates and CRLs of every kind, judged by pkilint: nothing above NOTICE
	@scripts/packages.sh check $@
	@scripts/gate-pkilint.sh

sanity: ## ansible-test sanity with the oldest and the newest supported ansible-core
	@scripts/packages.sh check $@
	@scripts/gate-sanity.sh 2.18 2.21

sanity-all: ## the same with every supported ansible-core
	@scripts/packages.sh check sanity
	@scripts/gate-sanity.sh 2.18 2.19 2.20 2.21

differential: ## our parser and explainer against real servers: PGTLS_DIFFERENTIAL_FILES=20000 PGTLS_DIFFERENTIAL_VERSIONS="13 ... 19"
	@scripts/venv.sh dev
	@.venv/dev/bin/python tests/differential/compare.py
	@.venv/dev/bin/python tests/differential/logins.py

differential-short: ## a few hundred files to the servers that are here already
	@scripts/packages.sh check $@
	@scripts/venv.sh dev
	@.venv/dev/bin/pytest tests/differential

integration: ## modules against a real PostgreSQL server
	@scripts/packages.sh check $@
	@scripts/gate-integration.sh

hostile: ## a host that lies, users who plant and swap files at paths of a sample (PGTLS_HOSTILE_TRIES=all: at every one), other tools
	@scripts/packages.sh check $@
	@scripts/gate-hostile.sh

faults: ## kill -9, full disks, many at once: PGTLS_FAULTS_KILLS=1000 PGTLS_FAULTS_SEED=1
	@scripts/packages.sh check $@
	@scripts/venv.sh dev
	@.venv/dev/bin/pytest tests/faults

fuzz: ## every kind of value in every option of every module: PGTLS_FUZZ_VALUES=10 PGTLS_FUZZ_SEED=1 for fewer
	@scripts/venv.sh dev
	@PGTLS_FUZZ_VALUES="$${PGTLS_FUZZ_VALUES:-all}" .venv/dev/bin/pytest tests/fuzz

fuzz-short: ## one value in each option
	@scripts/packages.sh check $@
	@scripts/venv.sh dev
	@.venv/dev/bin/pytest tests/fuzz

orders: ## site, revocation, new CA, renewal, clients that come and go, in random order: PGTLS_ORDERS_STEPS=50 PGTLS_ORDERS_SEED=1
	@scripts/packages.sh check $@
	@scripts/venv.sh dev
	@.venv/dev/bin/pytest tests/orders

cores: ## site.yml with the other supported ansible-core lines
	@scripts/packages.sh check $@
	@scripts/gate-cores.sh 2.18 2.20

demo-twice: ## the demo, in a directory of its own: all as expected, then no change, then nothing left
	@scripts/packages.sh check $@
	@scripts/gate-demo.sh

CLAIMS := mtls_end_to_end plaintext_is_refused client_maps_to_role password_and_certificate_mix strangers_are_refused ca_rollover_drops_nobody
molecule: ## site.yml on three containers with systemd, and claims judged by psql and openssl: SCENARIO=two_clusters_one_host PG=13, 15, 17, 18 or 19
	@scripts/packages.sh check $@
	@scripts/gate-molecule.sh $(or $(SCENARIO),$(CLAIMS))

molecule-all: ## the same with every claim
	@scripts/packages.sh check molecule
	@scripts/gate-molecule.sh all

bare: ## make demo, again, and make test in a bare Debian 12 root: PGTLS_GATES="lint unit" for fewer gates
	@scripts/bare.sh

galaxy: ## galaxy-importer on the built artifact
	@scripts/packages.sh check $@
	@scripts/gate-galaxy.sh

docs: ## role READMEs are fresh, module documentation is valid
	@scripts/packages.sh check $@
	@scripts/gate-docs.sh

bench: ## ours beside the peers and the floor, with plots: PGTLS_BENCH="site rules" PGTLS_BENCH_PAIRS=5 PGTLS_BENCH_AGAINST=REVISION
	@scripts/venv.sh dev
	@scripts/venv.sh bench
	@scripts/venv.sh bench-peers
	@.venv/dev/bin/python tests/benchmark/bench.py

clients: ## psql, psycopg, pgjdbc, node-postgres, lib/pq and pgx with keys and certificates in every form
	@scripts/packages.sh install $@
	@scripts/gate-clients.sh

trust-stores: ## the trust stores of EL, SUSE, Arch and Alpine, laid out in containers
	@scripts/packages.sh install $@
	@scripts/gate-trust-stores.sh

load: ## an application that connects continuously through changes of rules, certificates and the CA: PGTLS_LOAD_ROTATIONS=20
	@scripts/venv.sh dev
	@.venv/dev/bin/pytest tests/integration/under_load.py

##@ Work on it
readmes: ## write roles/*/README.md from the specs
	@scripts/venv.sh dev
	@.venv/dev/bin/python tests/tools/role_readme.py

pins: ## pin again what the upper parts of requirements/*.txt bring along: PGTLS_PINS="dev demo"
	@python3 tests/tools/pins.py $(PGTLS_PINS)

format: ## format the Python code
	@scripts/venv.sh dev
	@.venv/dev/bin/ruff format .
	@.venv/dev/bin/ruff check --fix-only .

clean: ## remove environments, caches and test output
	rm -rf .venv .cache .ansible tests/output
