# Every target works on a fresh clone with Python 3.11+, Rust and make; the first run builds .venv.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
# One interpreter for every cargo and maturin call: another one would rebuild pyo3.
export PYO3_PYTHON := $(CURDIR)/$(PY)
export VIRTUAL_ENV := $(CURDIR)/$(VENV)
# Nothing that runs here may ask the hub.
export HF_HUB_OFFLINE := 1
unexport PYTHONPATH CONDA_PREFIX

# The first interpreter that is new enough; `make PYTHON=... ` chooses another one.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

# uv of the machine where there is one, else the one that pip puts into .venv.
UV := $(shell uv --version >/dev/null 2>&1 && echo uv || echo $(BIN)/uv)

RUST := Cargo.toml Cargo.lock $(shell find rust/core rust/python -name '*.rs' -o -name '*.toml' -o -name '*.bin')

##@ Use
help: ## this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {print "\n" substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

demo: $(VENV)/.with-demo ## every task on this machine, offline, in a minute; writes ferrobert-demo/report.html
	$(BIN)/ferrobert demo

wheel: $(VENV)/.tools ## a release wheel in dist/, tried out in an empty environment
	rm -rf dist
	$(BIN)/maturin build --release --out dist
	.ci/try_wheel.sh $(PY) $(UV) dist/*.whl

##@ Check
test: $(VENV)/.with-test ## cargo tests of the core, pytest of the package, its doc examples included
	cargo test -q --locked -p ferrobert-core
	$(PY) -m pytest

lint: $(VENV)/.with-lint ## rustfmt, clippy, ruff, mypy, the stub against the compiled module, the version
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(PY) -m mypy.stubtest ferrobert._core --mypy-config-file pyproject.toml
	$(PY) .ci/check_version.py

parity: $(VENV)/.with-test ## the full comparison with the reference tokenizers: ten minutes to an hour
	$(PY) -m tests.parity

pretrain-check: $(VENV)/.with-test ## pretraining killed at random moments, on 2 processes, with 0 to 4 workers: ten minutes
	$(PY) -m tests.pretrain_check

masking-check: $(VENV)/.with-test ## masks of ten million tokens: shares, chi-square tests, threads; a minute
	$(PY) -m tests.masking_statistics

labels-check: $(VENV)/.with-test ## labels against the loop on real data, and the twin on 100,000 random cases: three minutes
	$(PY) -m tests.labels_check

entities-check: $(VENV)/.with-test ## entities of 10,000 random cases a strategy beside transformers' pipeline: ten minutes
	$(PY) -W ignore -m tests.entities_check

answers-check: $(VENV)/.with-test ## answers of 100,000 random cases beside all spans, and of SQuAD questions beside today's code: five minutes
	$(PY) -W ignore -m tests.answers_check

questions-check: $(VENV)/.with-test ## features of all of SQuAD 1.1 dev beside run_qa.py's, for five vocabularies: five minutes
	$(PY) -W ignore -m tests.questions_check

qa-check: $(VENV)/.with-test ## 1,000 questions of SQuAD dev beside transformers 4's way, with MiniLM: two minutes
	$(PY) -W ignore -m tests.qa_check

pipelines-check: $(VENV)/.with-test ## five tasks beside transformers' pipelines on 1,000 texts, key by key: three minutes
	$(PY) -W ignore -m tests.pipelines_check

squad-check: $(VENV)/.with-test ## MiniLM fine-tuned to answer questions: F1 on SQuAD 1.1 dev and 2.0, and seconds; an hour with bf16
	$(PY) -W ignore -m tests.squad_check --mixed-precision bf16

ner-check: $(VENV)/.with-test ## MiniLM fine-tuned for entities by ferrobert and by transformers' own loop: strict F1 and seconds of both; half an hour
	$(PY) -W ignore -m tests.ner_check

calibration-check: $(VENV)/.with-test ## MiniLM's scores with and without a temperature, on SST-2 dev: five minutes
	$(PY) -W ignore -m tests.calibration_check

families-check: $(VENV)/.with-test ## RoBERTa's and ALBERT's tokenizers beside transformers' on both corpora: a quarter of an hour
	$(PY) -W ignore -m tests.families_check

stream-check: $(VENV)/.with-test ## a million texts through a pipeline: memory stays what it is; two minutes
	$(PY) -W ignore -m tests.stream_check

interrupt-check: $(VENV)/.with-test ## Ctrl-C at 20 random moments of predict, with MiniLM on SST-2: five minutes
	$(PY) -W ignore -m tests.interrupt_check

miri: ## the unsafe modules of the core under Miri (needs a nightly toolchain with the component miri)
	MIRIFLAGS=-Zmiri-disable-isolation cargo +nightly miri test --locked --target-dir target/miri -p ferrobert-core --lib -- \
		memory wordpiece::column wordpiece::key wordpiece::scan wordpiece::slots wordpiece::word_table

docs: $(VENV)/.with-test ## run every command and example of README, docs and examples
	FERROBERT_DOCS=full $(PY) -m pytest -m docs tests/test_docs.py

##@ Measure
bench: $(VENV)/.with-test ## each job: Rust, the pure-Python twin, transformers; results compared first
	$(PY) -m pytest benches -q --benchmark-enable --benchmark-only --benchmark-sort=name --benchmark-columns=median,iqr,rounds
	$(BIN)/ferrobert bench --rounds 3

bench-full: $(VENV)/.with-test $(VENV)/.with-bench ## the same against every peer (downloads them); CORPUS=FILE, JSON and chart in .bench
	mkdir -p .bench
	$(BIN)/ferrobert bench --peers all --lines 0 $(if $(CORPUS),--corpus $(CORPUS)) --json .bench/speed.json --plot .bench/speed.png
	$(PY) benches/memory.py $(if $(CORPUS),--corpus $(CORPUS))

##@ Maintain
tables: ## generate the Unicode tables anew from the reference's own crates
	cargo run --release --locked --manifest-path rust/unicode-tables/Cargo.toml -- \
		rust/core/src/normalize/tables.rs python/ferrobert/reference/_unicode.py

format: $(VENV)/.with-lint ## rustfmt and ruff, in place
	cargo fmt --all
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove everything that make has made
	rm -rf $(VENV) target dist rust/*/target .benchmarks .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find python tests benches examples -name __pycache__ -prune -exec rm -rf {} +
	rm -f python/ferrobert/_core.*.so python/ferrobert/_core.pyd

$(VENV)/.made:
	@if [ -z "$(PYTHON)" ]; then echo "ferrobert needs Python 3.11 or newer on the PATH (or make PYTHON=/path/to/python)" >&2; exit 1; fi
	@if ! cargo --version >/dev/null 2>&1; then echo "ferrobert needs Rust: cargo is not on the PATH (https://rustup.rs)" >&2; exit 1; fi
	if [ "$(UV)" = uv ]; then uv venv --quiet --clear --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" $(VENV); \
	else $(PYTHON) -m venv --clear $(VENV) && $(PY) -m pip install --quiet uv; fi
	touch $@

$(VENV)/.tools: $(VENV)/.made
	$(UV) pip install --quiet --python $(PY) "maturin>=1.9,<2"
	touch $@

# .with-demo, .with-test, .with-lint: the package, compiled in release mode, with that extra.
# Python files are used in place; a change in Rust or in pyproject.toml runs this again.
$(VENV)/.with-%: $(RUST) pyproject.toml $(VENV)/.tools
	$(BIN)/maturin develop --release --uv
	$(UV) pip install --python $(PY) "ferrobert[$*]"
	touch $@

.PRECIOUS: $(VENV)/.with-%
.PHONY: help demo wheel test lint parity labels-check masking-check entities-check answers-check questions-check qa-check pipelines-check squad-check ner-check calibration-check families-check pretrain-check stream-check interrupt-check miri docs bench bench-full tables format clean
