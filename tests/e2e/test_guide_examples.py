"""The examples of the chapter of commands, and the lines of the guide that stand for another day: each is
typed on a host where what it names is there."""

import re
import subprocess
from pathlib import Path

import pytest

import enrollment
import people
from guide import Follower, blocks

COMMANDS = list(dict.fromkeys(
    command.split("   ")[0] for found in blocks("sh example", "sh later").values() for block in found for command in block.commands()))
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
ROOT = Path("/root")
PAM = Path("/etc/pam.d")
STOCK = Path(__file__).parents[1] / "stacks/debian-12"

# What only a login after the change, or a TPM, can do, and what it says without.
REFUSED = {
    "sudo twostep admin confirm": "There is no change to confirm",
    "sudo twostep admin reseal --protect tpm2": "TPM",
}
MAY_FIND = {"sudo twostep admin check": (0, 1, 4)}

FILES = {
    ROOT / "alice.totp": f'{SECRET}\n" TOTP_AUTH\n',
    ROOT / "phones.txt": f"alice otpauth://totp/Work:alice?secret={SECRET}&issuer=Work\n",
    ROOT / "phone.txt": f"otpauth://totp/Work:alice?secret={SECRET}&issuer=Work\n",
    ROOT / "export.txt": "otpauth-migration://offline?data=CikKFDEyMzQ1Njc4OTAxMjM0NTY3ODkwEgVhbGljZRoEV29yayABKAEwAhABGAEgAA%3D%3D\n",
    ROOT / "devices.csv": f"user,secret\nalice,{SECRET}\n",
    Path("/etc/users.oath"): "HOTP/T30 alice - 3132333435363738393031323334353637383930\n",
    Path("/etc/pam_totp/alice/KEY"): f"{SECRET}\n",
    Path("/var/lib/ga/alice"): f'{SECRET}\n" TOTP_AUTH\n',
}


def import_from_others(host):
    """Whom an import takes over has nothing here yet."""
    enrollment.forget_accounts()
    host.prepare(["homes"])
    for file, text in FILES.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o400)


def keep_in_a_backup(host):
    done(host, "twostep admin export accounts.backup")
    enrollment.forget_accounts()


def print_the_key(host):
    host.sealing_key = re.findall(r"(?:[A-Z0-9]{4}[ -]){13}[A-Z0-9]{4}", done(host, "twostep admin reseal --print-key"))[-1]


# What stands on the host before the commands that have these words.
BEFORE = {
    "replace tablet": lambda host: host.prepare(["tablet"]),
    "remove tablet": lambda host: host.prepare(["tablet"]),
    " laptop": lambda host: make_password(host, "laptop --service dovecot --print-only"),
    "revoke --all": lambda host: make_password(host, "laptop --service dovecot --print-only"),
    "--revoke-all": lambda host: make_password(host, "laptop --service dovecot --print-only"),
    "show mail": lambda host: make_password(host, "mail --service dovecot --store"),
    "create laptop": lambda host: done(host, "twostep admin app-passwords alice --revoke laptop"),
    "enroll --user": lambda host: enrollment.forget_accounts(),
    "admin enroll": lambda host: enrollment.forget_accounts(),
    "admin import": import_from_others,
    "import backup": keep_in_a_backup,
    "admin resume": lambda host: done(host, "twostep admin suspend alice --for 2d"),
    "admin revert": lambda host: done(host, "twostep admin apply su --yes"),
    "reseal --restore-key": print_the_key,
}


def make_password(host, words):
    status, shown = host.type(f"twostep app-password create {words}")
    assert status == 0, shown


def done(host, command):
    status, shown = host.type(command, root=True)
    assert status == 0, shown
    return shown


@pytest.fixture
def host(view, clock):
    """No service asks yet. alice looks after the host, is of the group staff, and has enrolled."""
    enrollment.forget_accounts()
    clock.begin_step()
    kept = {service: (PAM / service).read_bytes() for service in ("sshd", "sudo", "sudo-i", "su", "su-l", "login")}
    for service in kept:
        (PAM / service).write_bytes((STOCK / service).read_bytes())
    host = Follower(clock)
    people.set_administrators(host.alice.name)
    subprocess.run(["usermod", "--append", "--groups", "staff", host.alice.name], check=True)
    host.prepare(["enrolled"])
    (ROOT / "accounts.backup").unlink(missing_ok=True)
    yield host
    host.type("twostep admin revert --all --yes", root=True)
    for service, text in kept.items():
        (PAM / service).write_bytes(text)


def typed(command):
    """With an editor that leaves the file as it is, and what comes by standard input."""
    command = command.replace("sudo twostep admin edit", "sudo EDITOR=true twostep admin edit")
    if command.startswith("twostep call"):
        return """echo '{"status": {}}' >request.json; twostep call <request.json"""
    return f"{command} <phone.txt" if "otpauth - " in command else command


@pytest.mark.parametrize("command", COMMANDS)
def test_given_what_it_names_then_the_command_does_it(command, host):
    for words, prepare in BEFORE.items():
        if words in command:
            prepare(host)
    status, shown = host.type(typed(command), root="sudo " in command)
    if command in REFUSED:
        assert status == 1 and REFUSED[command] in shown, shown
    else:
        assert status in next((codes for start, codes in MAY_FIND.items() if command.startswith(start)), (0,)), shown
    assert "panicked" not in shown and shown.strip() or "--quiet" in command
