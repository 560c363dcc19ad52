"""The recipes of the guide for other programs, read by these programs: for mail with the password that
`--store` left, for files on a real server, for the log in a real journal."""

import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

import sftp
import stacks
from guide import Follower, blocks
from terminals import answer

HOSTS = Path("/etc/hosts")
SOCKET = Path("/dev/log")
JOURNAL = Path("/run/systemd/journal")


def block_of(kind):
    (block,) = [block for found in blocks(kind).values() for block in found]
    return block


def recipe(kind):
    return block_of(kind).text + "\n"


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


@pytest.fixture
def files():
    """A server for files alone, by the name and at the port that the guide has."""
    server = sftp.Server(more="Port 2222")
    kept = HOSTS.read_text()
    HOSTS.write_text(f"{kept}127.0.0.1 host.example.org\n")
    yield server
    HOSTS.write_text(kept)
    server.stop()


def test_given_the_recipe_then_rclone_lists_the_files(view, clock, files):
    clock.begin_step()
    follower = Follower(clock)
    follower.prepare(["enrolled"])
    put(follower, "letters.txt", "")
    status, shown = follower.type("twostep app-password create backup --service sshd-sftp --print-only")
    assert status == 0, shown
    follower.app_password = shown.split()[-1]
    create, listing = block_of("sh client").commands()
    # What is hidden may begin with a dash, once in 64 times.
    status, shown = follower.type(re.sub(r"\$\(.*\)", "-hidden", create))
    assert status == 0, shown
    status, shown = follower.type(create)
    assert status == 0, shown
    status, shown = follower.type(listing)
    assert status == 0 and "letters.txt" in shown, shown
    assert follower.app_password not in (follower.alice.home / ".config/rclone/rclone.conf").read_text()
    follower.app_password = "wrong"
    status, shown = follower.type(create)
    assert status == 0, shown
    assert follower.type(f"{listing} --retries 1 --low-level-retries 1")[0] != 0


@pytest.fixture
def journal_daemon():
    """systemd's journal in the place of the tests' own log."""
    JOURNAL.mkdir(parents=True, exist_ok=True)
    daemon = subprocess.Popen(["/lib/systemd/systemd-journald"])
    while not (JOURNAL / "dev-log").exists():
        assert daemon.poll() is None
        time.sleep(0.02)
    kept = SOCKET.rename("/dev/log.kept")
    SOCKET.symlink_to(JOURNAL / "dev-log")
    yield
    SOCKET.unlink()
    kept.rename(SOCKET)
    daemon.terminate()
    daemon.wait(timeout=10)
    shutil.rmtree(JOURNAL)


JOURNAL_COMMANDS = [command for found in blocks("sh journal").values() for block in found for command in block.commands()]


@pytest.mark.parametrize("command", JOURNAL_COMMANDS)
def test_given_the_journal_then_the_line_of_the_guide_shows_a_login(follower, journal_daemon, command):
    stacks.write("sudo", stacks.PASSWORD_AND_CODE)

    def logins():
        subprocess.run(["journalctl", "--sync"], check=False)
        shown = subprocess.run(["bash", "-c", command], capture_output=True, text=True).stdout
        return [line for line in shown.splitlines() if "twostepd[" in line and "refused" in line]

    before = len(logins())
    answer(follower.alice.command("sudo", "-k", "id"), follower.alice.password, follower.phone.wrong())
    (line,) = logins()[before:]
    assert "refused user=alice service=sudo" in line
