"""The guide, followed: each command in it is typed, each configuration read, each stack logged in through."""

from pathlib import Path

import pytest

import attempts
import configuration
import enrollment
import people
import stacks
from guide import Follower, blocks, masked

TYPED = blocks("sh alice", "sh root", "text output")
CONFIGURATIONS = [block for found in blocks("toml configuration", "toml part").values() for block in found]
STACKS = [block for found in blocks("pam service", "pam one-field", "pam account", "pam app-password").values() for block in found]

# How a command of the guide may end that is not a plain success: a finding is what `check` is for.
MAY_END = {"sudo twostep admin check": (0, 1, 4), "sudo sshd -t": (0, 255)}


@pytest.fixture
def follower(view, clock):
    """On a host that is as new: what earlier tests left would be found, exported and told."""
    enrollment.forget_accounts()
    people.set_administrators()
    clock.begin_step()
    return Follower(clock)


@pytest.mark.parametrize("page", TYPED)
def test_given_a_page_then_each_command_in_it_does_what_it_says(page, follower):
    shown = ""
    for block in TYPED[page]:
        if block.kind == "text output":
            for line in block.text.splitlines():
                assert masked(line) in masked(shown), f"{block.place}: {line!r} is not in:\n{shown}"
            continue
        follower.prepare(block.words[1:])
        for command in block.commands():
            status, shown = follower.type(command, root=block.kind == "sh root")
            expected = next((codes for start, codes in MAY_END.items() if command.startswith(start)), (0,))
            assert status in expected, f"{block.place}: {command} ended with {status}:\n{shown}"


@pytest.mark.parametrize("block", CONFIGURATIONS, ids=lambda block: block.place)
def test_given_a_configuration_of_the_guide_then_it_counts(block, person, journal):
    configuration.write_text(("version = 1\n" if block.kind == "toml part" else "") + block.text + "\n")
    journal.mark()
    attempts.log_in(person, service="cs-code")
    assert "error=" not in journal.text()
    configuration.write_text(block.text.replace(" = ", " == ", 1))
    attempts.log_in(person, service="cs-code")
    journal.find("configuration", "error=")


def stack_of(block):
    """A whole PAM service of what the guide shows of it."""
    quick = block.text.replace("@include common-auth", "@include cs-common-auth").replace("pam_unix.so use", "pam_unix.so nodelay use")
    if block.kind == "pam account":
        return f"@include cs-common-auth\nauth requisite pam_twostep.so after_first_step\naccount required pam_unix.so\n{quick}\n"
    return f"{quick}\naccount required pam_unix.so\naccount required pam_twostep.so\n"


@pytest.mark.parametrize("block", STACKS, ids=lambda block: block.place)
def test_given_a_stack_of_the_guide_then_the_right_answers_alone_get_in(block, follower):
    stacks.write("cs-guide", stack_of(block).replace("{", "{{").replace("}", "}}"))
    alice, password = follower.alice, follower.alice.password

    def enters(*answers, phases="ac"):
        return attempts.log_in(alice, *answers, service="cs-guide", phases=phases).accepted

    assert enters(password), "who has not enrolled gets in by the password"
    assert not enters("wrong")
    follower.prepare(["enrolled"])
    phone = follower.phone
    if block.kind == "pam one-field":
        assert enters(password + phone.fresh())
        assert not enters(password) and not enters(password + phone.wrong()) and not enters("wrong" + phone.fresh())
    elif block.kind == "pam app-password":
        assert not enters(password) and not enters(phone.fresh())
        done = alice.run("twostep", "app-password", "create", "laptop", "--service", "cs-guide", "--print-only", input=phone.fresh() + "\n")
        assert enters(done.stdout.strip())
    else:
        assert enters(password, phone.fresh())
        assert not enters(password, phone.wrong()) and not enters("wrong", phone.fresh()) and not enters(password)
        assert enters(password, phases="c") == (block.kind == "pam service"), "require_step refuses what came past the question"


def test_given_the_files_that_the_guide_names_then_they_are_there():
    for page in ("sshd", "local", "packages"):
        text = (Path(__file__).parents[2] / "docs" / f"{page}.md").read_text()
        for word in ("/usr/share/doc/twostep/pam/sshd-sftp", "/usr/share/twostep/authselect/make-profile", "/usr/share/doc/twostep/pam"):
            assert word not in text or Path(word).exists()
