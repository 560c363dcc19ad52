"""Each code block of the guide says what it is, and each command in it is one that the program has."""

import re
import subprocess

import pytest

from pages import TOP, all_blocks, blocks_of, guide, inline_code

# What a block can be, and who tries it. A block of another kind is tried by nobody, and so is a mistake.
KINDS = {
    "sh alice": "tests/e2e/test_guide.py types it as a user",
    "sh root": "tests/e2e/test_guide.py types it as root",
    "sh terminal": "tests/packages/test_first_host.py types it on a clean host",
    "sh later": "the same as sh example; typing it there would be in the way of what follows",
    "sh example": "tests/e2e/test_guide_examples.py types it where what it names is there; enroll_cli/tests/guide.rs reads it",
    "sh checkout": "its targets are in the Makefile",
    "sh client": "tests/e2e/test_guide_programs.py has rclone read a real server by it",
    "sh journal": "tests/e2e/test_guide_programs.py types it where the journal has a login",
    "sh server": "the test in tests/e2e that names it runs it before it starts the real server",
    "text output": "tests/e2e/test_guide.py compares it with what the block before it printed",
    "text screen": "test_messages.py: the program says it",
    "text log": "test_messages.py: the program logs it",
    "text figure": "a drawing or a form; nothing to try",
    "toml configuration": "tests/e2e/test_guide.py has the program read it",
    "toml part": "the same, with the first line of every configuration before it",
    "conf server": "the test in tests/e2e that names it starts the real server with it",
    "conf sshd": "tests/e2e/test_guide_sshd.py starts a real sshd with it",
    "conf program": "tests/e2e/test_web_and_databases.py starts the program with it",
    "sql program": "tests/e2e/test_web_and_databases.py runs it at the database",
    "conf ssh": "tests/e2e/test_automation.py has ssh share a connection by it",
    "ini ansible": "tests/e2e/test_automation.py has Ansible use that connection",
    "conf sshd-ticket": "tests/e2e/test_ssh_tickets.py starts a real sshd with it",
    "pam sshd-ticket": "tests/e2e/test_ssh_tickets.py logs in through it, with a real ticket",
    "json request": "enroll_cli/tests/guide.rs has the program read it",
    "json response": "the same",
    "pam sshd": "tests/e2e/test_guide_sshd.py logs in through it",
    "pam service": "tests/e2e/test_guide.py logs in through it",
    "pam server": "the test in tests/e2e that names it has a client log in at the real server through it",
    "pam one-field": "tests/e2e/test_guide.py logs in through it, with one answer",
    "pam account": "tests/e2e/test_guide.py logs in through it",
    "pam app-password": "tests/e2e/test_guide.py logs in through it",
    "pam program": "tests/e2e/test_web_and_databases.py logs in through it, at the program itself",
    "pam directory": "tests/e2e/test_directories.py logs in through it, with the directory's server",
    "pam password": "tests/e2e/test_account_passwords.py compares it with what the installation writes",
    "ini mbsync": "tests/e2e/test_guide_programs.py has mbsync read it",
    "ini msmtp": "tests/e2e/test_guide_programs.py has msmtp read it",
}
SHELL = [block for block in all_blocks() if block.language == "sh"]


def test_every_block_says_what_it_is():
    strange = [f"{block.place}: {block.kind or 'nothing'}" for block in all_blocks() if block.kind not in KINDS]
    assert not strange, "\n".join(["A block's first line says who tries it (tests/docs/test_blocks.py). Not so:", *strange])


def test_every_kind_is_used():
    assert set(KINDS) == {block.kind for block in all_blocks()}


def test_every_recipe_for_a_server_is_named_by_a_test():
    tests = "".join(path.read_text(encoding="utf-8") for path in (TOP / "tests/e2e").glob("*.py"))
    recipes = [block for block in all_blocks() if block.words[0].startswith("server=")]
    assert recipes and not [block.place for block in recipes if f'"{block.name}"' not in tests]


@pytest.mark.parametrize("block", SHELL, ids=lambda block: block.place)
def test_what_is_typed_is_right_shell(block):
    done = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def targets():
    return set(re.findall(r"^([a-z-]+):.*## ", (TOP / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))


def made(command):
    """The targets that a command line makes."""
    words = re.search(r"(?:^|sudo |&& |or: )make ((?:[a-z-]+ ?)+)", command.split("#")[0])
    return words[1].split() if words else []


def test_every_target_is_in_the_makefile():
    typed = [line for block in SHELL for line in block.commands()] + [code for _, code in inline_code()]
    named = {target for line in typed for target in made(line)}
    assert {"deb", "demo"} <= named
    assert named <= targets(), named - targets()


def test_a_block_of_a_checkout_only_uses_the_makefile():
    for block in all_blocks("sh checkout"):
        for command in block.commands():
            first = command.split()
            assert "make" in first[:2] or first[0] in ("git", "cd") or (TOP / first[-2 if first[0] == "sudo" else 0]).exists() \
                or any((TOP / word).exists() for word in first), f"{block.place}: {command}"


def test_every_page_begins_with_its_only_title():
    for path in guide():
        text = path.read_text(encoding="utf-8")
        outside = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
        if not text.startswith("{{#include"):
            assert len(re.findall(r"^# ", outside, flags=re.MULTILINE)) == 1, path
        assert blocks_of(path) is not None
