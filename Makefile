# Needs: stable Rust, CPython >= 3.11, make. Everything else goes into .venv from requirements/dev.txt.
# `make help` lists the targets.

PYTHON ?= python3
CARGO ?= cargo
CARGO_FLAGS ?=
PYTEST_FLAGS ?=

BIN := .venv/bin
PY := $(BIN)/python
LOGS := .cache/logs
TOOLS := .venv/.tools-stamp
PACKAGE := .venv/.package-stamp

# Folders are listed too: their time changes when a file goes away.
PYTHON_SOURCES := $(shell find python ! -name '__pycache__' ! -name '*.pyc' ! -name '*.so')
RUST_SOURCES := $(shell find rust ! -path '*/tests*' ! -path '*/benches*')
SOURCES := $(PYTHON_SOURCES) $(RUST_SOURCES) $(wildcard Cargo.toml Cargo.lock pyproject.toml README.md LICENSE-*)
PYTHON_TREES := $(wildcard python tests examples)
# fuzz/ and peers/ are workspaces of their own.
PEERS_FMT_CHECK := $(if $(wildcard peers/Cargo.toml),&& $(CARGO) fmt --manifest-path peers/Cargo.toml --check)
FUZZ_FMT_CHECK := $(if $(wildcard fuzz/Cargo.toml),&& $(CARGO) fmt --manifest-path fuzz/Cargo.toml --check)

export CARGO_TARGET_DIR := $(CURDIR)/target
export PIP_CACHE_DIR := $(CURDIR)/.cache/pip
export PIP_DISABLE_PIP_VERSION_CHECK := 1
ifneq ($(PYTHON),python3)
export PYO3_PYTHON := $(CURDIR)/$(PY)
endif

PIP_COMPILE := -m piptools compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-header \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links

# $(call stage,NAME,COMMAND): runs COMMAND, keeps its output in $(LOGS)/NAME.log, fails as it fails.
define stage
	@mkdir -p $(LOGS)
	@printf '\n==> %s\n' '$(1)'
	@{ { $(2); }; echo $$? >$(LOGS)/$(1).status; } 2>&1 | tee $(LOGS)/$(1).log; \
	status=`cat $(LOGS)/$(1).status`; \
	test "$$status" = 0 || printf '\n==> FAILED: %s (exit %s)\n' '$(1)' "$$status" >&2; \
	exit $$status
endef

STAGES := fmt-check clippy cargo-test cargo-doc wheel-check ruff mypy stubtest pytest fuzz-smoke

.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help demo test build fmt lock bench fuzz clean bench-peers rust-tools summary $(STAGES)

help:
	@echo 'make demo    build, install into .venv, run examples/demo.py'
	@echo 'make test    every check; what .ci/run runs'
	@echo 'make build   build the wheel into dist/ and install it into .venv'
	@echo 'make fmt     format Rust and Python'
	@echo 'make bench   benchmarks'
	@echo 'make bench-peers  exploration beside loom, shuttle, stateright and (nightly Rust) interweave'
	@echo 'make fuzz    the fuzz targets, TIME seconds each (nightly Rust, cargo-fuzz)'
	@echo 'make lock    requirements/*.in -> requirements/*.txt'
	@echo 'make clean   remove everything that was built'
	@echo 'One stage:   make $(STAGES)'

demo: $(PACKAGE)
	$(PY) examples/demo.py

test: $(STAGES)
	@$(MAKE) --no-print-directory -s summary

build: $(PACKAGE)

# ---- tools and package -------------------------------------------------------------------------------------

.venv/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) or sys.implementation.name != "cpython")' || { \
		echo "ringfence needs CPython >= 3.11; '$(PYTHON)' is `$(PYTHON) --version 2>&1`." >&2; \
		echo "Name another one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; \
		echo "'$(PYTHON) -m venv' failed. Debian and Ubuntu: apt install python3-venv." >&2; exit 1; }

$(TOOLS): requirements/dev.txt | .venv/pyvenv.cfg
	$(PY) -m pip install --quiet --require-hashes -r requirements/dev.txt
	@touch $@

# One abi3 wheel, installed as a user would; an edit made meanwhile is seen next time.
$(PACKAGE): $(TOOLS) $(SOURCES)
	@touch $@.new
	@rm -f python/ringfence/*.so dist/ringfence-*.whl
	$(PY) -m maturin build --release --compatibility linux --interpreter $(PY) --out dist $(CARGO_FLAGS)
	@ls dist/ringfence-*-cp311-abi3-*.whl >/dev/null || { echo "not an abi3 wheel:" dist/* >&2; exit 1; }
	$(PY) -m pip install --quiet --force-reinstall --no-deps --no-index dist/ringfence-*.whl
	@mv $@.new $@

rust-tools:
	@$(CARGO) --version >/dev/null || { echo "ringfence needs stable Rust: https://rustup.rs" >&2; exit 1; }
	@{ $(CARGO) fmt --version && $(CARGO) clippy --version; } >/dev/null 2>&1 \
		|| rustup component add rustfmt clippy \
		|| { echo "'make test' needs rustfmt and clippy beside rustc." >&2; exit 1; }

# ---- stages of `make test` ---------------------------------------------------------------------------------

fmt-check: rust-tools
	$(call stage,$@,$(CARGO) fmt --all --check $(FUZZ_FMT_CHECK) $(PEERS_FMT_CHECK) && echo "rustfmt: clean")

clippy: rust-tools
	$(call stage,$@,$(CARGO) clippy --workspace --all-targets $(CARGO_FLAGS) -- -D warnings)

cargo-test:
	$(call stage,$@,$(CARGO) test --workspace $(CARGO_FLAGS))

cargo-doc:
	$(call stage,$@,RUSTDOCFLAGS=-Dwarnings $(CARGO) doc --workspace --no-deps $(CARGO_FLAGS))

wheel-check: $(PACKAGE)
	$(call stage,$@,ls dist/ringfence-*-cp311-abi3-*.whl && $(PY) -m pip check)

ruff: $(TOOLS)
	$(call stage,$@,$(PY) -m ruff check $(PYTHON_TREES) && $(PY) -m ruff format --check $(PYTHON_TREES))

mypy: $(TOOLS)
	$(call stage,$@,$(PY) -m mypy --strict $(PYTHON_TREES))

stubtest: $(PACKAGE)
	$(call stage,$@,$(PY) -m mypy.stubtest ringfence)

pytest: $(PACKAGE)
	$(call stage,$@,$(PY) -m pytest $(PYTEST_FLAGS))

fuzz-smoke:
	$(call stage,$@,if test -e fuzz/smoke.sh; then sh fuzz/smoke.sh; else echo "fuzz/smoke.sh: none"; fi)

summary:
	@printf '\n==> all stages passed\n'
	@for stage in $(STAGES); do \
		case $$stage in \
		cargo-test) line=`awk '/^test result:/ { n++; p += $$4; f += $$6; i += $$8 } \
			END { printf "%d passed, %d failed, %d ignored in %d binaries", p, f, i, n }' $(LOGS)/$$stage.log` ;; \
		*) line=`grep -v '^ *$$' $(LOGS)/$$stage.log | tail -n 1 | sed 's/^[ =]*//; s/[ =]*$$//'` ;; \
		esac; \
		printf '%-12s %s\n' "$$stage" "$$line"; \
	done

# ---- other -------------------------------------------------------------------------------------------------

fmt: $(TOOLS) rust-tools
	$(CARGO) fmt --all
	test ! -e fuzz/Cargo.toml || $(CARGO) fmt --manifest-path fuzz/Cargo.toml
	test ! -e peers/Cargo.toml || $(CARGO) fmt --manifest-path peers/Cargo.toml
	$(PY) -m ruff check --fix-only --quiet $(PYTHON_TREES)
	$(PY) -m ruff format $(PYTHON_TREES)

bench:
	$(CARGO) bench -p ringfence-bench $(CARGO_FLAGS)

# peers/ is a workspace of its own, which nothing else builds. interweave needs a newer Rust than all the others.
bench-peers:
	cd peers && unset CARGO_TARGET_DIR && if $(CARGO) +nightly --version >/dev/null 2>&1; \
		then $(CARGO) +nightly bench --locked --features interweave $(CARGO_FLAGS); \
		else $(CARGO) bench --locked $(CARGO_FLAGS); fi

TIME ?= 60
fuzz:
	cd fuzz && unset CARGO_TARGET_DIR && for target in `$(CARGO) +nightly fuzz list`; do \
		case $$target in codecs) seeds=seeds/codecs dict=-dict=dict/codecs.dict;; *) seeds=seeds/trace_ops dict=;; esac; \
		mkdir -p corpus/$$target && \
		$(CARGO) +nightly fuzz run -s none $$target corpus/$$target $$seeds -- -max_total_time=$(TIME) $$dict || exit 1; \
		done

lock: .cache/lock/pyvenv.cfg
	.cache/lock/bin/python $(PIP_COMPILE) --output-file requirements/dev.txt requirements/dev.in

.cache/lock/pyvenv.cfg:
	$(PYTHON) -m venv .cache/lock
	.cache/lock/bin/python -m pip install --quiet pip-tools==7.6.2

clean:
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis dist target python/ringfence/*.so
