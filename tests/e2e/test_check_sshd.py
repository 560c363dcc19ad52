"""`twostep admin check` on sshd and sudo as real hosts have them, each held against what the program itself does."""

import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

import attempts
import configuration
import people
import sftp
import sshd
import stacks
from checks import ACCOUNT, GOOD, GOOD_SSHD, SSHD, expect, found, host, rehearse  # noqa: F401 - host is for every test

PLAIN = "UsePAM yes\nPermitRootLogin no\n"
METHODS = "AuthenticationMethods publickey,keyboard-interactive keyboard-interactive\n"
DROP_IN = Path("/etc/ssh/sshd_config.d/50-cloud-init.conf")

# sshd_config, what has to be found, and words of what is said.
WRONG = {
    "as Debian ships it": (PLAIN + "KbdInteractiveAuthentication no\n", "sshd-cannot-ask", "error", "in /etc/ssh/sshd_config:3"),
    "methods that are off": (
        PLAIN + "KbdInteractiveAuthentication no\nAuthenticationMethods publickey,keyboard-interactive\n", "sshd-configuration", "error",
        "`KbdInteractiveAuthentication yes` in /etc/ssh/sshd_config:3"),
    "the old name": (
        PLAIN + "ChallengeResponseAuthentication no\nPasswordAuthentication no\nAuthenticationMethods keyboard-interactive\n",
        "sshd-configuration", "error", "in /etc/ssh/sshd_config:3"),
    "methods of which another is off": (
        GOOD_SSHD.replace(METHODS, "AuthenticationMethods publickey,password\n"), "sshd-configuration", "error",
        "`AuthenticationMethods publickey,keyboard-interactive keyboard-interactive` in /etc/ssh/sshd_config:5"),
    "a key and the password": (
        PLAIN + "KbdInteractiveAuthentication yes\nAuthenticationMethods publickey,password\n", "sshd-cannot-ask", "error",
        "`AuthenticationMethods publickey,keyboard-interactive keyboard-interactive` in /etc/ssh/sshd_config:4"),
    "any": (
        PLAIN + "KbdInteractiveAuthentication yes\nPasswordAuthentication no\nAuthenticationMethods any\n", "sshd-way-without-code",
        "warning", "publickey alone"),
    "the key alone is listed": (
        GOOD_SSHD.replace(METHODS, "AuthenticationMethods publickey keyboard-interactive\n"), "sshd-way-without-code", "warning",
        "publickey alone"),
    "hosts that are trusted": (
        GOOD_SSHD.replace(METHODS, "AuthenticationMethods hostbased keyboard-interactive\nHostbasedAuthentication yes\n"),
        "sshd-way-without-code", "warning", "hostbased alone"),
    "one user": (GOOD_SSHD + "Match User git\n  AuthenticationMethods publickey\n", "sshd-way-without-code", "warning", "Match User git"),
    "a group by its members' own": (
        GOOD_SSHD + "Match Group root\n  KbdInteractiveAuthentication no\n  AuthenticationMethods keyboard-interactive\n",
        "sshd-no-way-in", "error", "in /etc/ssh/sshd_config:7"),
    "addresses of a pattern": (
        GOOD_SSHD + "Match Address 192.168.*\n  AuthenticationMethods publickey\n", "sshd-way-without-code", "warning", "Match Address"),
    "all addresses but some": (
        GOOD_SSHD + "Match Address *,!10.0.0.0/8\n  AuthenticationMethods publickey\n", "sshd-way-without-code", "warning",
        "publickey alone"),
    "a port": (
        GOOD_SSHD + "Match LocalPort 2222\n  PasswordAuthentication yes\n  AuthenticationMethods password\n", "sshd-cannot-ask", "error",
        "in /etc/ssh/sshd_config:8"),
    "an address of this host": (
        GOOD_SSHD + "Match LocalAddress 192.0.2.1\n  AuthenticationMethods publickey\n", "sshd-way-without-code", "warning", "LocalAddress"),
    "groups of a pattern": (
        GOOD_SSHD + "Match Group admin*\n  AuthenticationMethods publickey\n", "sshd-match-not-checked", "notice", "sshd -T -C"),
    "little time": (GOOD_SSHD + "LoginGraceTime 30s\n", "sshd-grace-time", "warning", "`LoginGraceTime 120` in /etc/ssh/sshd_config:6"),
    "root by a key alone": (
        GOOD_SSHD.replace("PermitRootLogin no", "PermitRootLogin prohibit-password"), "sshd-root-closed", "notice",
        "`PermitRootLogin yes` in /etc/ssh/sshd_config:4"),
}


@pytest.mark.parametrize("text, name, severity, words", WRONG.values(), ids=WRONG.keys())
def test_given_an_sshd_that_is_wrong_then_it_is_found_with_its_line(text, name, severity, words):
    SSHD.write_text(text)
    configuration.write(policy={"required_groups": ["nogroup"]})
    expect(name, severity, words)


def test_given_a_drop_in_that_goes_before_then_the_remedy_names_it():
    SSHD.write_text("Include /etc/ssh/sshd_config.d/*.conf\n" + GOOD_SSHD.replace(METHODS, ""))
    DROP_IN.parent.mkdir(exist_ok=True)
    DROP_IN.write_text("# made by cloud-init\nPasswordAuthentication yes\n")
    try:
        expect("sshd-password-method", "warning", f"`PasswordAuthentication no` in {DROP_IN}:2")
        DROP_IN.write_text("PasswordAuthentication no\n")
        assert "sshd-password-method" not in found()[0]
    finally:
        DROP_IN.unlink()


@pytest.mark.parametrize("text", [
    GOOD_SSHD.replace(METHODS, "AuthenticationMethods publickey,keyboard-interactive:pam keyboard-interactive:pam\n"),
    GOOD_SSHD + "LoginGraceTime 0\n",
    GOOD_SSHD + "Match User git\n  PermitTTY no\nMatch all\n  X11Forwarding no\n",
    GOOD_SSHD + "Match Group no-such-group\n  AuthenticationMethods publickey\n",
    GOOD_SSHD.replace(METHODS, "AuthenticationMethods publickey,keyboard-interactive\n"),
])
def test_given_an_sshd_that_is_right_then_nothing_is_said(text):
    SSHD.write_text(text)
    configuration.write(policy={"required_groups": ["nogroup"]})
    assert found()[0].keys() <= {"service-without-second-step"}


@contextmanager
def listening(*options, program="/usr/sbin/sshd"):
    """An sshd beside the usual one."""
    sshd.FOLDER.mkdir(mode=0o755, exist_ok=True)
    hostkey = sshd.FOLDER / "hostkey"
    if not hostkey.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", hostkey], check=True)
    port = next(sshd._ports)
    process = subprocess.Popen([program, "-D", "-o", f"HostKey={hostkey}", "-o", "PidFile=none", "-p", str(port), *map(str, options)], cwd="/",
                               stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            if b"[listener]" in Path(f"/proc/{process.pid}/cmdline").read_bytes():
                break
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait(timeout=10)


def test_given_an_sshd_that_was_started_with_another_file_then_that_one_is_checked_too(tmp_path):
    other = tmp_path / "sshd_config"
    other.write_text(PLAIN + "KbdInteractiveAuthentication no\n")
    with listening("-f", other):
        expect("sshd-cannot-ask", "error", f"in {other}:3", f"sshd -f {other} -o HostKey=")
    assert "sshd-cannot-ask" not in found()[0]


def test_given_options_that_go_before_any_file_then_the_remedy_names_them():
    with listening("-o", "UsePAM=no"):
        expect("sshd-without-pam", "error", "among the options that sshd is started with", "-o UsePAM=no")
    with listening("-o", "PrintMotd=no"):
        assert found()[0].keys() <= {"service-without-second-step"}


@pytest.mark.skipif(sftp.version() >= (9, 8), reason="since then sshd asks PAM by a name that its file says")
def test_given_an_sshd_of_another_name_then_its_own_file_and_stack_count(person, tmp_path):
    stacks.write("sshd-other", GOOD)
    link, other = sshd.FOLDER / "sshd-other", tmp_path / "sshd_config"
    sshd.FOLDER.mkdir(mode=0o755, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to("/usr/sbin/sshd")
    other.write_text(GOOD_SSHD.replace(METHODS, "AuthenticationMethods publickey\n"))
    with listening("-f", other, program=str(link)):
        found, _ = rehearse(person, "--service", "sshd-other")
        assert "-f" in found["steps"][0]["at"] and "publickey" in found["steps"][0]["what"]
        assert "keyboard-interactive" not in found["steps"][0]["what"]
    found, _ = rehearse(person, "--service", "sshd-other")
    assert "keyboard-interactive" in found["steps"][0]["what"]


@pytest.fixture
def rules():
    path = Path("/etc/sudoers.d/wrong")

    def write(text):
        path.write_text(text + "\n")
        path.chmod(0o440)
    yield write
    path.unlink()


@pytest.mark.parametrize("text, name, severity, words", [
    ("%sudo ALL=(ALL) NOPASSWD: ALL", "sudo-nopasswd", "warning", "the group sudo"),
    ("ubuntu ALL=(ALL) NOPASSWD:ALL", "sudo-nopasswd", "warning", "ubuntu"),
    ("bob ALL=(root) NOPASSWD: /usr/bin/apt, /usr/bin/vi", "sudo-nopasswd", "warning", "bob"),
    ("Defaults !authenticate", "sudo-nopasswd", "warning", "everybody"),
    ("Defaults:bob !authenticate", "sudo-nopasswd", "warning", "asks bob"),
    ("Defaults!/usr/bin/apt !authenticate", "sudo-nopasswd", "warning", "who runs /usr/bin/apt"),
    ("Defaults exempt_group=ops", "sudo-nopasswd", "warning", "members of ops"),
    ("Defaults timestamp_timeout=-1", "sudo-ticket", "warning", "timestamp_timeout=15"),
    ("Defaults timestamp_timeout=1440", "sudo-ticket", "warning", "1440 minutes"),
    ("Defaults:%ops timestamp_timeout=-1", "sudo-ticket", "warning", "the group ops"),
    ("Defaults timestamp_type=global", "sudo-ticket-shared", "notice", "timestamp_type=tty"),
    ("Defaults targetpw", "sudo-asks-another", "warning", "targetpw"),
    ("Defaults rootpw", "sudo-asks-another", "warning", "root"),
    ("Defaults !pam_acct_mgmt", "sudo-without-account-phase", "warning", "pam_acct_mgmt"),
    ("this is no rule", "sudo-rules", "warning", "visudo -c"),
])
def test_given_sudoers_that_ask_too_little_then_they_are_found(rules, text, name, severity, words):
    rules(text)
    expect(name, severity, words)


@pytest.mark.parametrize("text", ["root ALL=(ALL) NOPASSWD: ALL", "Defaults timestamp_timeout=5", "Defaults verifypw=never", "Defaults use_pty",
                                  "Defaults:bob timestamp_timeout=0"])
def test_given_usual_sudoers_then_nothing_is_said(rules, text):
    rules(text)
    assert found()[0] == {}


def test_given_a_service_of_its_own_then_it_is_checked_as_sudos(rules):
    stacks.write("our-sudo", "auth required pam_unix.so\naccount required pam_unix.so\n")
    rules("Defaults pam_service=our-sudo")
    configuration.write(policy={"required_groups": ["nogroup"]})
    try:
        expect("service-without-second-step", "warning", "our-sudo")
    finally:
        Path("/etc/pam.d/our-sudo").unlink()


def test_given_an_administrator_by_rules_alone_then_it_is_told_that_they_would_be_refused(rules):
    somebody = people.add()
    rules(f"User_Alias OPS = {somebody.name}\nOPS ALL=(ALL:ALL) ALL")
    configuration.write(policy={"required": True})
    expect("administrator-refused", "error", somebody.name)


def test_given_a_rehearsal_at_sshd_then_ways_beside_pam_are_told(person):
    configuration.write(policy={"required": True})
    assert rehearse(person, "--service", "sshd")[0]["ends"] == "refused"
    SSHD.write_text(GOOD_SSHD.replace("UsePAM yes", "UsePAM no"))
    told, code = rehearse(person, "--service", "sshd")
    assert (told["ends"], code) == ("in-without-code", 0) and "does not ask PAM" in told["outcome"]
    SSHD.write_text(PLAIN + "KbdInteractiveAuthentication no\nPasswordAuthentication no\n")
    told, code = rehearse(person, "--service", "sshd")
    assert (told["ends"], code) == ("in-without-code", 0) and "asks PAM for nothing" in told["outcome"]
    SSHD.write_text(GOOD_SSHD + "Match User *\n  KbdInteractiveAuthentication no\n  AuthenticationMethods keyboard-interactive\n")
    told, code = rehearse(person, "--service", "sshd")
    assert (told["ends"], code) == ("refused", 1) and "no way in" in told["outcome"]


def test_given_a_rehearsal_of_an_enrolled_user_then_it_says_what_no_code_can_do(enrolled):
    person = enrolled.person
    told, code = rehearse(person, "--service", "sshd", "--from", "203.0.113.7")
    assert (told["ends"], code) == ("in-with-code", 0)
    SSHD.write_text(GOOD_SSHD.replace(METHODS, ""))
    told, _ = rehearse(person, "--service", "sshd", "--from", "203.0.113.7")
    assert told["ends"] == "in-with-code" and "With publickey alone it succeeds without a code" in told["outcome"]
    SSHD.write_text(PLAIN + "KbdInteractiveAuthentication no\nPasswordAuthentication yes\nPubkeyAuthentication no\n")
    told, code = rehearse(person, "--service", "sshd")
    assert (told["ends"], code) == ("refused", 1) and "keyboard-interactive" in told["outcome"]


@pytest.fixture
def closed():
    """/etc/nologin, as before a shutdown."""
    file = Path("/etc/nologin")
    yield lambda: file.write_text("Going down.\n")
    file.unlink(missing_ok=True)


def never(*words):
    return lambda somebody: subprocess.run([*words, somebody.name], check=True)


# What the host says of a user, as sshd's setting or as a change, and words of what is told.
REFUSING = {
    "DenyUsers": ("DenyUsers {0}", None, "DenyUsers"),
    "AllowUsers": ("AllowUsers somebody-else", None, "AllowUsers"),
    "AllowUsers with an address": ("AllowUsers {0}@198.51.100.0/24", None, "AllowUsers"),
    "AllowUsers in a block": ("Match Address 127.0.0.0/8\n  AllowUsers somebody-else", None, "AllowUsers"),
    "DenyGroups": ("DenyGroups group*", None, "DenyGroups"),
    "AllowGroups": ("AllowGroups nobody-here", None, "AllowGroups"),
    "an expired account": ("", never("chage", "-E", "1"), "account phase"),
    "a locked account": ("", never("usermod", "-L"), "auth phase"),
    "nologin of the host": ("", "closed", "account phase"),
}
LETTING_IN = {
    "AllowUsers": "AllowUsers {0}",
    "AllowUsers with an address": "AllowUsers *@127.0.0.0/8",
    "AllowGroups": "AllowGroups nobody-here group*",
    "DenyUsers of another address": "DenyUsers {0}@198.51.100.*",
}


def both(enrolled, setting):
    """Whether a real login is let in, and what a rehearsal of it tells."""
    setting = setting.format(enrolled.name)
    stacks.write("sshd", (stacks.RECIPES / "sshd").read_text())
    SSHD.write_text(GOOD_SSHD.replace(METHODS, "AuthenticationMethods keyboard-interactive\n") + setting + "\n")
    told, _ = rehearse(enrolled.person, "--service", "sshd", "--from", "127.0.0.1")
    server = sshd.Server((stacks.RECIPES / "sshd").read_text(), more=setting)
    try:
        return sshd.log_in(server, enrolled.person, enrolled.person.password, enrolled.phone.fresh()).entered, told
    finally:
        server.stop()


@pytest.mark.parametrize("setting, change, words", REFUSING.values(), ids=REFUSING)
def test_given_what_refuses_a_user_then_a_rehearsal_says_so_and_the_login_is_refused(enrolled, closed, setting, change, words):
    if change:
        closed() if change == "closed" else change(enrolled)
    entered, told = both(enrolled, setting)
    assert (entered, told["ends"]) == (False, "refused") and words in told["outcome"], told


@pytest.mark.parametrize("setting", LETTING_IN.values(), ids=LETTING_IN)
def test_given_lists_that_let_a_user_in_then_a_rehearsal_and_the_login_succeed(enrolled, setting):
    entered, told = both(enrolled, setting)
    assert (entered, told["ends"]) == (True, "in-with-code"), told


@pytest.mark.parametrize("shell", ["/usr/sbin/nologin", "/bin/false"])
def test_given_a_program_in_place_of_a_shell_then_a_rehearsal_says_what_still_works(enrolled, shell):
    never("usermod", "-s", shell)(enrolled)
    entered, told = both(enrolled, "")
    assert (entered, told["ends"]) == (False, "in-with-code") and f"{shell} stands in place of a shell" in told["outcome"]


def test_given_a_sealing_key_that_is_missing_then_a_rehearsal_does_not_promise_a_login(enrolled):
    key = Path("/etc/twostep/seal.key")
    aside = key.rename(key.with_suffix(".aside"))
    try:
        told, code = rehearse(enrolled.person, "--service", "sshd")
    finally:
        aside.rename(key)
    assert (told["ends"], code) == ("refused", 1) and any("sealing key" in step["what"] for step in told["steps"])


def test_given_an_sshd_that_refuses_its_configuration_then_a_rehearsal_promises_nothing_of_it(enrolled):
    SSHD.write_text(GOOD_SSHD + "NoSuchKeyword yes\n")
    told, _ = rehearse(enrolled.person, "--service", "sshd")
    assert "Not looked at, and taken to let through: " in told["outcome"] and "sshd itself" in told["outcome"]


def test_given_a_module_that_alone_knows_then_a_rehearsal_says_that_it_was_not_looked_at(enrolled):
    stacks.write("sshd", stacks.RECIPE.replace("account required pam_unix.so", "account required pam_access.so\naccount required pam_unix.so"))
    told, _ = rehearse(enrolled.person, "--service", "sshd")
    assert told["ends"] == "in-with-code" and "Not looked at, and taken to let through: pam_access." in told["outcome"]


# Lines that decide by conditions, and whether each lets the user in. {0} is the user.
CONDITIONS = {
    "pam_access, another user": ("account required pam_access.so accessfile=/run/twostep-door", "- : ALL EXCEPT somebody : ALL\n", False),
    "pam_access, another address": ("account required pam_access.so accessfile=/run/twostep-door", "- : {0} : ALL EXCEPT 198.51.100.0/24\n", False),
    "pam_access, this address": ("account required pam_access.so accessfile=/run/twostep-door", "- : {0} : ALL EXCEPT 127.0.0.0/8\n", True),
    "pam_listfile": ("auth requisite pam_listfile.so item=user sense=deny file=/run/twostep-door onerr=succeed", "{0}\n", False),
    "pam_listfile of others": ("auth requisite pam_listfile.so item=user sense=deny file=/run/twostep-door onerr=succeed", "somebody\n", True),
    "pam_succeed_if": ("auth requisite pam_succeed_if.so user != {0}", "", False),
    "pam_succeed_if, a group": ("account required pam_succeed_if.so user notingroup nobody-here", "", True),
    "pam_shells": ("auth requisite pam_shells.so", "", True),
    "pam_time": ("account required pam_time.so conffile=/run/twostep-door", "*;*;{0};!Al0000-2400\n", False),
}


@pytest.mark.parametrize("line, text, lets_in", CONDITIONS.values(), ids=CONDITIONS)
def test_given_a_line_that_decides_by_a_condition_then_a_rehearsal_knows_what_it_says(enrolled, line, text, lets_in):
    Path("/run/twostep-door").write_text(text.format(enrolled.name))
    stack = stacks.PASSWORD_AND_CODE.replace("{options}", "")
    first = "auth requisite pam_unix.so" if line.startswith("auth") else "account required pam_unix.so"
    stacks.write("cs-door", stack.replace(first, line.format(enrolled.name) + "\n" + first, 1))
    told, code = rehearse(enrolled.person, "--service", "cs-door", "--from", "127.0.0.1")
    entered = attempts.log_in(enrolled, enrolled.person.password, enrolled.phone.fresh(), service="cs-door", rhost="127.0.0.1").accepted
    assert (entered, told["ends"]) == ((True, "in-with-code") if lets_in else (False, "refused")), told
    assert "Not looked at" not in told["outcome"]
