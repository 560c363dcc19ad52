"""The recipes for mail programs in the guide: read by these programs, with the password that `--store` left."""

import subprocess

import pytest

from guide import Follower, blocks


def recipe(kind):
    (block,) = [block for found in blocks(kind).values() for block in found]
    return block.text + "\n"


@pytest.fixture
def follower(view, clock):
    clock.begin_step()
    follower = Follower(clock)
    follower.prepare(["enrolled"])
    status, shown = follower.type("twostep app-password create mail --service imap --service smtp --store")
    assert status == 0, shown
    return follower


def stored(follower):
    return (follower.alice.home / ".local/share/twostep/mail").read_text().strip()


def put(follower, name, text):
    file = follower.alice.home / name
    file.write_text(text)
    file.chmod(0o600)
    subprocess.run(["chown", f"{follower.alice.uid}:{follower.alice.uid}", file], check=True)


def test_given_the_recipe_then_mbsync_reads_it(follower):
    put(follower, ".mbsyncrc", recipe("ini mbsync"))
    (follower.alice.home / "Mail").mkdir()
    done = follower.alice.run("mbsync", "--all", "--list-stores")
    done = done if done.returncode != 1 or "unknown" not in done.stderr.lower() else follower.alice.run("mbsync", "--all", "--list")
    assert "mail.example.org" in done.stderr + done.stdout, "it goes as far as the name of the server, which is none here"
    put(follower, ".mbsyncrc", recipe("ini mbsync").replace("PassCmd", "PassCommand"))
    assert "PassCommand" in follower.alice.run("mbsync", "--all", "--list").stderr


def test_given_the_recipe_then_msmtp_reads_it_and_has_the_password(follower):
    put(follower, ".msmtprc", recipe("ini msmtp"))
    done = follower.alice.run("msmtp", "--pretend", "--debug", "somebody@example.org", input="")
    assert done.returncode == 0, done.stderr
    assert "user = alice" in done.stdout and "passwordeval = twostep app-password show mail" in done.stdout
    shown = follower.alice.run("twostep", "app-password", "show", "mail")
    assert shown.stdout.strip() == stored(follower)
