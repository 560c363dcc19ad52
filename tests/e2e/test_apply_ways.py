"""`twostep admin apply sshd` where passwords are off: what was closed stays closed, for everybody and for those of
a Match block, and a key and the code are the way in."""

import grp
import json
from pathlib import Path

import pytest

import enrollment
import sshd
from rollout import DROP_IN, JOURNAL, apply, changes, refused, snapshot, twostep, wait_until
from rollout import host  # noqa: F401  (a fixture)

HARDENED = "PasswordAuthentication no\nKbdInteractiveAuthentication no\n"
KEYS = "publickey,keyboard-interactive,password"


SHADOW = Path("/etc/shadow")


@pytest.fixture(autouse=True)
def cleaned():
    yield
    SHADOW.write_text(SHADOW.read_text().replace(":!$", ":$"))
    for file in DROP_IN.parent.iterdir():
        file.unlink()


def give_passwords_to(*people):
    """Nobody else has one: earlier tests left many users."""
    names = [person.name for person in people]
    lines = SHADOW.read_text().splitlines()
    lines = [line if line.split(":")[0] in names else line.replace(":$", ":!$", 1) for line in lines]
    SHADOW.write_text("\n".join(lines) + "\n")


def settle(host, text="", drop_in=HARDENED):
    """The host's sshd goes by this from now on."""
    (DROP_IN.parent / "50-cloud-init.conf").write_text(drop_in)
    host.write(host.config + text)
    host.before = snapshot()
    host.process.send_signal(1)
    assert wait_until(host.is_reloaded)


def flat(text):
    return " ".join(text.split())


def by_password(host, person):
    return sshd.log_in(host, person, person.password, methods=KEYS)


# What closes passwords: the drop-in, what stands below it in sshd_config.
CLOSED = {
    "a drop-in": (HARDENED, ""),
    "the methods": ("AuthenticationMethods publickey\n", ""),
    "the methods, and passwords are on": ("PasswordAuthentication yes\nAuthenticationMethods publickey\n", ""),
    "the drop-in, and a block for some": (HARDENED, "Match User nobody\n  X11Forwarding no\n"),
}


@pytest.mark.parametrize("drop_in, text", CLOSED.values(), ids=CLOSED.keys())
def test_given_a_host_of_keys_alone_then_no_way_opens_passwords_and_only_is_the_default(host, clock, neighbor, drop_in, text):
    enrolled = enrollment.enroll(host.person, clock)
    settle(host, text, drop_in)
    assert not by_password(host, neighbor).entered
    for keys in ("with-code", "alone", "refuse"):
        said = flat(refused("sshd", "--keys", keys))
        assert "sshd would take a password alone from users who are not enrolled; today it takes a key alone. Use --keys only." in said
    assert snapshot() == host.before
    done = apply("sshd")
    assert done.returncode == 0 and "(--keys only)" in flat(done.stdout), done.stdout + done.stderr
    assert wait_until(host.is_reloaded)
    assert not by_password(host, neighbor).entered
    assert not by_password(host, host.person).entered
    assert not sshd.log_in(host, host.person, host.person.password, enrolled.phone.fresh, methods=KEYS).entered
    key = sshd.make_key(host.person)
    login = sshd.log_in(host, host.person, enrolled.phone.fresh, methods=KEYS, key=key)
    assert login.prompts == ["Verification code:"] and login.entered, login.output
    assert not sshd.log_in(host, host.person, "000000", methods=KEYS, key=key).entered
    assert sshd.log_in(host, neighbor, methods=KEYS, key=sshd.make_key(neighbor)).entered
    assert "sshd-password-alone" not in found()
    assert twostep("revert", "--yes").returncode == 0 and snapshot() == host.before


def found():
    out = twostep("check", "--json")
    return {line["id"]: line for line in map(json.loads, out.stdout.splitlines()) if line.get("about") == "sshd"}


# A Match block that closes passwords for the host's person, where everybody else may give one.
BLOCKS = ["User {name}", "Group {group}", "Address 127.0.0.0/8", "User {name} Address 127.*"]


@pytest.mark.parametrize("conditions", BLOCKS)
def test_given_a_block_that_closes_passwords_then_they_stay_closed_for_its_users(host, conditions):
    block = "Match " + conditions.format(name=host.person.name, group=grp.getgrgid(host.person.uid).gr_name)
    settle(host, f"{block}\n  PasswordAuthentication no\n", "")
    assert not by_password(host, host.person).entered
    for keys in ("with-code", "alone", "refuse"):
        said = flat(refused("sshd", "--keys", keys))
        assert f"a password alone from users of `{block}` who are not enrolled; today it takes a key alone." in said
        assert f"write `AuthenticationMethods publickey` below `{block}`" in said
    settle(host, f"{block}\n  PasswordAuthentication no\n  AuthenticationMethods publickey\n", "")
    assert apply("sshd", "--keys", "with-code").returncode == 0
    assert wait_until(host.is_reloaded)
    assert not by_password(host, host.person).entered
    assert sshd.log_in(host, host.person, methods=KEYS, key=sshd.make_key(host.person)).entered


def test_given_only_where_passwords_are_open_then_it_says_that_it_closes_them(host, neighbor):
    settle(host, drop_in="")
    assert by_password(host, neighbor).entered
    done = apply("sshd", "--keys", "only")
    assert done.returncode == 0 and "With this change it takes no passwords." in flat(done.stdout), done.stderr
    assert wait_until(host.is_reloaded)
    assert not by_password(host, neighbor).entered


def test_given_two_blocks_that_close_passwords_together_then_who_fits_both_is_seen(host):
    """A block whose own methods stay closed, behind one that opens them for an address."""
    settle(host, "Match Address 127.0.0.1\n  AuthenticationMethods publickey keyboard-interactive\n"
                 f"Match User {host.person.name}\n  PasswordAuthentication no\n  AuthenticationMethods publickey\n", "")
    assert not by_password(host, host.person).entered
    said = flat(refused("sshd", "--keys", "with-code"))
    assert f"users of `Match Address 127.0.0.1` and `Match User {host.person.name}`" in said


def test_given_a_block_of_which_no_example_is_there_then_its_closing_is_not_risked(host):
    settle(host, "Match Group !root,!sudo,*\n  PasswordAuthentication no\n", "")
    said = flat(refused("sshd", "--keys", "with-code"))
    assert "`Match Group !root,!sudo,*` closes a way in" in said and "below it" in said
    settle(host, "Match Group !root,!sudo,*\n  PasswordAuthentication no\n  AuthenticationMethods publickey\n", "")
    assert apply("sshd", "--keys", "with-code", "--dry-run").returncode == 0


def test_given_more_than_a_key_today_then_a_key_and_the_code_are_not_less(host):
    """Whoever is not enrolled would need the key alone."""
    settle(host, drop_in="KbdInteractiveAuthentication yes\nPasswordAuthentication no\n"
                         "AuthenticationMethods publickey,keyboard-interactive\n")
    said = flat(refused("sshd", "--keys", "only"))
    assert "sshd would take a key alone" in said and "today it takes a key and a password" in said and "by hand" in said
    assert "--keys" in refused("sshd")


def test_given_hardening_that_is_read_first_then_the_line_is_to_be_moved_and_nothing_opens(host):
    settle(host, drop_in="")
    (DROP_IN.parent / "01-hardening.conf").write_text(HARDENED)
    said = flat(refused("sshd", "--keys", "only"))
    assert "01-hardening.conf line 2 goes before" in said and "move it to sshd_config, below the Include line" in said


def test_given_settings_in_a_folder_of_their_own_then_they_count_too(host):
    folder = DROP_IN.parent.parent / "hardening"
    folder.mkdir(exist_ok=True)
    try:
        (folder / "a.conf").write_text(f"Match User {host.person.name}\n  PasswordAuthentication no\n")
        settle(host, "Include /etc/ssh/hardening/*.conf\n", "")
        assert f"users of `Match User {host.person.name}`" in flat(refused("sshd", "--keys", "with-code"))
    finally:
        (folder / "a.conf").unlink()
        folder.rmdir()


def test_given_a_stack_of_only_then_no_method_lets_in_without_a_key_whatever_sshd_says(host, neighbor):
    settle(host)
    assert apply("sshd").returncode == 0
    assert wait_until(host.is_reloaded)
    DROP_IN.write_text(DROP_IN.read_text().replace("publickey,keyboard-interactive", "keyboard-interactive password")
                       .replace("PasswordAuthentication no", "PasswordAuthentication yes"))
    host.process.send_signal(1)
    assert wait_until(host.is_reloaded)
    assert not by_password(host, neighbor).entered
    assert not sshd.log_in(host, neighbor, methods=KEYS).entered


def confirmed():
    file = JOURNAL / str(changes()[-1]["number"]) / "change.json"
    file.write_text(file.read_text().replace('"unconfirmed"', '"confirmed"'))


def test_given_lines_of_another_way_then_they_are_not_taken_for_those_of_this_one(host, clock):
    enrollment.enroll(host.person, clock)
    settle(host)
    assert apply("sshd").returncode == 0
    confirmed()
    settle(host, drop_in="")
    DROP_IN.unlink()
    host.before = snapshot()
    assert "for no password; undo the change" in flat(refused("sshd", "--keys", "refuse"))
    assert "for no password; undo the change" in flat(refused("sshd", "--keys", "with-code"))


def test_given_passwords_that_only_our_file_opens_then_check_names_those_whom_they_let_in(host, neighbor):
    """What an earlier apply made of a hardened host."""
    give_passwords_to(host.person, neighbor)
    settle(host, drop_in="")
    assert apply("sshd", "--keys", "with-code").returncode == 0
    assert wait_until(host.is_reloaded)
    told = found()["sshd-password-alone"]
    assert told["severity"] == "notice" and "Without /etc" not in told["what"]
    settle(host)
    assert by_password(host, neighbor).entered
    told = found()["sshd-password-alone"]
    assert told["severity"] == "warning" and all(one.name in told["what"] for one in (host.person, neighbor))
    assert "a password alone lets in" in told["what"] and "who are not enrolled" in told["what"]
    assert "Without /etc/ssh/sshd_config.d/10-twostep.conf sshd would take no password" in told["what"]
    assert "--keys only" in told["remedy"]
    confirmed()
    assert apply("sshd", "--keys", "only").returncode == 0
    assert wait_until(host.is_reloaded)
    assert not by_password(host, neighbor).entered and "sshd-password-alone" not in found()


def test_given_a_block_for_one_user_then_check_does_not_name_that_one(host, neighbor, clock):
    give_passwords_to(host.person, neighbor)
    settle(host, drop_in="")
    assert apply("sshd", "--keys", "with-code").returncode == 0
    lone = f"Match User *,!{neighbor.name}\n  AuthenticationMethods publickey\n"
    settle(host, lone, "")
    told = found()["sshd-password-alone"]
    assert neighbor.name in told["what"] and host.person.name not in told["what"]
    settle(host, lone.replace("*,!", ""), "")
    told = found()["sshd-password-alone"]
    assert host.person.name in told["what"] and neighbor.name not in told["what"]
    enrollment.enroll(neighbor, clock)
    settle(host, lone, "")
    assert "sshd-password-alone" not in found()


def test_given_an_sshd_that_cannot_say_what_is_open_then_nothing_is_changed(host):
    folder = Path("/run/sshd")
    settle(host)
    folder.rmdir()
    try:
        assert "sudo mkdir -m 755 /run/sshd" in flat(refused("sshd", "--keys", "with-code"))
    finally:
        folder.mkdir(mode=0o755)
    assert snapshot() == host.before
