"""`make` finds a Rust that is new enough, or installs Debian's. Compilers and apt are stand-ins, in a view of their own."""

import pytest

from views import in_view, lines

# rust FOLDER VERSION puts a cargo and a compiler there. apt offers cargo-web $OFFERED.
STAND_INS = r"""
export HOME=/root PATH=/usr/bin:/bin OFFERED=1.96.0+dfsg1-1
unset CARGO_HOME
rm -rf ~/.cargo /usr/bin/cargo /usr/bin/rustc
cat >/usr/bin/rust <<'END'
#!/bin/sh
mkdir -p "$1"
for program in cargo rustc; do
    printf '#!/bin/sh\necho "%s %s (of a stand-in)"\n' "$program" "$2" >"$1/$program"
    chmod 755 "$1/$program"
done
END
chmod 755 /usr/bin/rust
printf '#!/bin/bash\necho "Package: cargo-web"; echo "Version: $OFFERED"\n' >/usr/bin/apt-cache
printf '#!/bin/bash\necho "apt-get $*" >>/root/apt\n[ "$2" = update ] || rust /usr/bin "${INSTALLED:-1.96.0}"\n' >/usr/bin/apt-get
chmod 755 /usr/bin/apt-cache /usr/bin/apt-get
found() { "$TOP/packaging/ensure-rust" --find; }
ensure() { "$TOP/packaging/ensure-rust" "$(found)"; }
"""


def test_the_first_cargo_that_is_new_enough_is_taken():
    assert lines(STAND_INS + "rust /old 1.87.0; rust /new 1.88.0; rust /newer 1.100.1; PATH=/old:/new:/newer:$PATH; found") == ["/new/cargo"]


def test_rustups_folder_is_looked_into_although_it_is_not_in_the_path():
    assert lines(STAND_INS + "rust /usr/bin 1.63.0; rust ~/.cargo/bin 1.90.0; found; ensure; test ! -e ~/apt") == ["/root/.cargo/bin/cargo"]


def test_a_cargo_with_an_older_compiler_in_its_folder_is_not_taken():
    assert lines(STAND_INS + "rust /mixed 1.90.0; printf '#!/bin/sh\\necho rustc 1.70.0\\n' >/mixed/rustc; PATH=/mixed:$PATH; found") == ["/usr/bin/cargo"]


def test_a_toolchain_of_rustup_that_is_not_there_counts_as_none():
    assert lines(STAND_INS + "rust ~/.cargo/bin 1.90.0; printf '#!/bin/sh\\nexit 1\\n' >~/.cargo/bin/rustc; found") == ["/usr/bin/cargo"]


@pytest.mark.parametrize("before, told", [
    ("", "No Rust 1.88 or newer is here."),
    ("rust ~/.cargo/bin 1.70.0; PATH=~/.cargo/bin:$PATH; ", "No Rust 1.88 or newer is here (/root/.cargo/bin/cargo is 1.70.0)."),
])
def test_without_a_new_one_make_says_so_and_installs_debians_and_uses_it_in_the_same_run(before, told):
    probe = "printf 'probe: need-cargo\\n\\t@cargo --version; rustc --version\\n' >/tmp/probe; make --no-print-directory -sC \"$TOP\" -f Makefile -f /tmp/probe probe; cat ~/apt"
    assert lines(STAND_INS + before + probe) == [
        f"{told} Installing Debian packages: cargo-web rustc-web",
        "cargo 1.96.0 (of a stand-in)", "rustc 1.96.0 (of a stand-in)",
        "apt-get -qq update",
        "apt-get -qq install --yes --no-remove --no-install-recommends cargo-web rustc-web ca-certificates",
    ]


@pytest.mark.parametrize("apt, told", [
    ("export OFFERED=1.85.0+dfsg3-1", "make: apt has no cargo-web of 1.88 or newer."),
    ("printf '#!/bin/sh\\nexit 100\\n' >/usr/bin/apt-cache", "make: apt has no cargo-web of 1.88 or newer."),
    ("echo 'exit 100' >>/usr/bin/apt-get", "make: apt-get cannot update."),
    ("sed -i '$ s/||.*/|| exit 100/' /usr/bin/apt-get", "make: apt cannot install cargo-web, see above. "
     "To replace an older Rust of Debian, run: sudo apt-get install cargo-web rustc-web. Else:"),
    ("export INSTALLED=1.85.0", "make: /usr/bin/cargo is still older than Rust 1.88."),
    ("rm /usr/bin/apt-get", "make: No Rust 1.88 or newer is here."),
])
def test_where_apt_does_not_help_one_sentence_says_what_to_install(apt, told):
    done = in_view(f"{STAND_INS}{apt}; ensure")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == f"{told} Install Rust 1.88 or newer from https://rustup.rs, and run make as the user who has it."


def test_a_cargo_that_was_named_must_be_new_enough_too():
    done = in_view(STAND_INS + 'rust /old 1.70.0; make -sC "$TOP" need-cargo CARGO=/old/cargo')
    assert done.returncode != 0 and "make: /old/cargo is not Rust 1.88 or newer." in done.stdout


def test_lint_says_which_packages_have_what_it_lacks():
    done = in_view(STAND_INS + "rust /usr/bin 1.96.0; echo '[ \"$1\" = --version ]' >>/usr/bin/cargo; make -sC \"$TOP\" lint")
    assert done.returncode != 0 and "apt-get install rustfmt-web rust-web-clippy" in done.stdout
