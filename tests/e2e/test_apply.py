"""`twostep admin apply`, `confirm` and `revert`: a change of the ways in, with a way back, through a real
sshd that reads /etc/ssh/sshd_config, and a real sudo."""

import os
import signal
import subprocess
from pathlib import Path

import pexpect
import pytest

import configuration
import enrollment
import sshd
import stacks
from rollout import (DROP_IN, JOURNAL, PAM, STOCK, apply, by_password, changes, changes_unconfirmed, kill_at, refused,
                     snapshot, twostep, wait_until, waiting)
from rollout import host  # noqa: F401  (a fixture)


def test_given_a_change_then_a_new_login_asks_for_the_code_and_confirms_it(host, clock, journal):
    enrolled = enrollment.enroll(host.person, clock)
    Path("/etc/sudoers.d/confirm").write_text("%sudo ALL=(ALL:ALL) NOPASSWD: /usr/bin/twostep\n")
    os.chmod("/etc/sudoers.d/confirm", 0o440)
    journal.mark()
    done = apply("sshd", "sudo", "--keys", "with-code")
    assert done.returncode == 0, done.stderr
    assert "@include cs-common-auth" in done.stdout and "+ auth       requisite    pam_twostep.so after_first_step" in done.stdout
    assert "KbdInteractiveAuthentication yes" in done.stdout
    journal.find("change-applied", "services=sshd,sudo,sudo-i")
    early = twostep("confirm")
    assert early.returncode == 1 and "proves nothing" in early.stderr
    login = sshd.log_in(host, host.person, host.person.password, enrolled.phone.fresh,
                        command="sudo twostep admin confirm && echo IN-AS $(id -un)")
    assert login.prompts[-1] == "Verification code:" and login.entered, login.output
    journal.find("change-confirmed", f"admin={host.person.name}")
    assert changes()[-1]["state"] == "confirmed"
    assert wait_until(lambda: not waiting())
    undone = twostep("revert", "--yes")
    assert undone.returncode == 0 and snapshot() == host.before


def test_given_no_confirmation_then_it_goes_back_although_the_session_that_made_it_was_killed(host, clock, journal):
    session = subprocess.Popen(["setsid", "sh", "-c", "twostep admin apply sshd sudo --keys refuse --confirm-within 90s --yes; sleep 60"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")
    assert wait_until(lambda: DROP_IN.exists() and changes() and changes()[-1].get("started_after"))
    os.killpg(session.pid, signal.SIGKILL)
    session.wait()
    clock.advance(91)
    assert wait_until(lambda: snapshot() == host.before)
    assert wait_until(lambda: not waiting())
    journal.find("change-reverted", "why=unconfirmed", "failed=0")
    assert wait_until(lambda: by_password(host).entered)


def test_given_a_boot_in_between_then_the_unit_takes_it_back_at_once(host):
    assert apply("sshd", "--keys", "alone", within="1h").returncode == 0
    subprocess.run(["pkill", "-9", "-f", "admin revert --unconfirmed"], check=True)
    file = JOURNAL / str(changes()[-1]["number"]) / "change.json"
    file.write_text(file.read_text().replace(Path("/proc/sys/kernel/random/boot_id").read_text().strip(), "an-earlier-one"))
    assert twostep("revert", "--unconfirmed").returncode == 0
    assert snapshot() == host.before


@pytest.mark.parametrize("services", [["sshd", "--keys", "with-code"], ["sudo"], ["sshd", "sudo", "--keys", "refuse"]])
def test_given_a_dry_run_then_nothing_changes(host, services):
    done = twostep("apply", *services, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert snapshot() == host.before and wait_until(lambda: not waiting())


def test_given_su_that_asks_root_for_nothing_then_its_stack_is_tried_as_somebody_else(host):
    before = (PAM / "su").read_text()
    (PAM / "su").write_text("auth sufficient pam_rootok.so\n" + STOCK)
    try:
        done = twostep("apply", "su", "--dry-run")
        assert done.returncode == 0, done.stderr
        assert "pam_twostep.so" in done.stdout
    finally:
        (PAM / "su").write_text(before)


def test_given_keys_with_code_then_a_key_needs_the_code_and_refuse_takes_none_and_alone_needs_no_code(host, clock):
    enrolled = enrollment.enroll(host.person, clock)
    key = sshd.make_key(host.person)
    for keys, answers, entered in [("with-code", [enrolled.phone.fresh], True), ("refuse", [], False), ("alone", [], True)]:
        assert apply("sshd", "--keys", keys).returncode == 0
        assert wait_until(host.is_reloaded)
        login = sshd.log_in(host, host.person, *answers, methods="publickey,keyboard-interactive", key=key)
        assert login.entered == entered, (keys, login.output)
        assert twostep("revert", "--yes").returncode == 0
        assert snapshot() == host.before and wait_until(host.is_reloaded)


def test_given_what_would_lock_out_then_nothing_is_changed_and_it_says_why(host):
    (PAM / "sshd").write_text(STOCK.replace("@include cs-common-auth", "@include cs-comon-auth"))
    host.before = snapshot()
    assert "sshd" in refused("sshd", "--keys", "refuse")
    (PAM / "sshd").write_text(STOCK)
    host.before = snapshot()
    host.write("KbdInteractiveAuthentication no\n" + host.config)
    assert "below the Include line" in refused("sshd", "--keys", "with-code")
    assert "keyboard-interactive is off" in refused("sshd", "--keys", "alone")
    host.write(host.config.replace("Include /etc/ssh/sshd_config.d/*.conf\n", ""))
    assert "Include /etc/ssh/sshd_config.d/*.conf" in refused("sshd", "--keys", "with-code")
    host.write("Include /etc/ssh/sshd_config.d/*.conf\nNoSuchKeyword yes\n")
    assert "NoSuchKeyword" in refused("sshd", "--keys", "with-code")
    host.write(host.config)
    assert "no PAM service" in refused("no-such-service")
    assert "--keys" in refused("sshd")
    assert snapshot() == host.before and not changes_unconfirmed()
    assert wait_until(lambda: not waiting())


@pytest.mark.parametrize("options", [["-f", "/etc/ssh/another"], ["-oAuthenticationMethods=any"]])
def test_given_an_sshd_that_goes_by_something_else_then_nothing_is_changed_and_it_says_so(host, options):
    """What apply writes would change nothing for it."""
    host.stop()
    Path("/etc/ssh/another").write_text(host.config)
    host.process = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", *options], stdout=host.log, stderr=host.log, cwd="/")
    sshd.Server._wait(host)
    told = apply("sshd", "--keys", "with-code")
    assert told.returncode == 1 and "was started as `sshd" in told.stderr and snapshot() == host.before


def test_given_a_missing_module_then_nothing_is_changed(host):
    module = next(Path("/usr/lib").glob("*/security/pam_twostep.so"))
    aside = module.with_name("pam_twostep.aside")
    module.rename(aside)
    try:
        assert "pam_twostep.so is not where PAM looks" in refused("sudo")
    finally:
        aside.rename(module)
    assert snapshot() == host.before


def test_given_administrators_who_would_all_be_refused_then_nothing_is_changed(host):
    configuration.write(policy={"required": True})
    assert "could log in any more" in refused("sudo")
    assert snapshot() == host.before


def test_given_a_stack_whose_password_line_ends_it_by_itself_then_nobody_who_answers_nothing_is_an_error(host):
    """pam_unix returns PAM_AUTHTOK_ERR where nobody answers."""
    stacks.write("sudo", "auth required pam_unix.so nodelay\n@include cs-common-account\nsession required pam_permit.so\n")
    assert apply("sudo").returncode == 0


def test_given_somebody_elses_change_meanwhile_then_it_is_kept_beside(host):
    assert apply("sudo").returncode == 0
    (PAM / "sudo").write_text("# mine\n" + STOCK)
    undone = twostep("revert", "--yes")
    assert undone.returncode == 0 and snapshot() == host.before
    kept = next(word for word in undone.stdout.replace("\n", " ").split() if "found-sudo" in word).rstrip(".")
    assert Path(kept).read_text().startswith("# mine\n")


def test_given_a_change_that_is_open_then_there_is_no_second_one(host):
    assert apply("sudo").returncode == 0
    assert "not confirmed yet" in refused("sshd", "--keys", "refuse")


@pytest.mark.parametrize("call", ["rename", "fsync"])
def test_given_a_power_cut_at_each_write_then_each_file_is_the_old_or_the_new_and_it_goes_back(host, call):
    """The process is killed at its n-th such call; then the machine starts again."""
    for number in range(1, 200):
        kill_at(call, number)
        now = snapshot()
        for path, text in now.items():
            old = host.before[path]
            assert text == old or (text is not None and (b"pam_twostep" in text or b"Written by `twostep" in text)), path
            assert text is None or text.endswith(b"\n")
        subprocess.run(["pkill", "-9", "-f", "admin revert --unconfirmed"])
        ended = changes() and changes()[-1]["state"] == "unconfirmed" and changes()[-1]["started_after"]
        for file in JOURNAL.glob("*/change.json"):
            file.write_text(file.read_text().replace(Path("/proc/sys/kernel/random/boot_id").read_text().strip(), "an-earlier-one"))
        back = twostep("revert", "--unconfirmed")
        assert back.returncode == 0, back.stderr
        assert snapshot() == host.before
        if ended and number > 5:
            return
    raise AssertionError("the change never ended")


def test_given_a_question_left_open_then_it_keeps_nothing_from_going_back(host, clock):
    assert apply("sudo").returncode == 0
    question = pexpect.spawn("twostep", ["admin", "revert"], timeout=30, encoding="utf-8", cwd="/")
    question.expect("Undo it")
    clock.advance(91)
    assert wait_until(lambda: snapshot() == host.before)
    question.close(force=True)


def test_given_a_change_of_sudo_then_no_ticket_spares_the_new_question(host, clock):
    enrolled = enrollment.enroll(host.person, clock)
    by_sudo = host.person.command("sudo", "twostep", "admin", "confirm")

    def confirm(*answers):
        sudo = pexpect.spawn(by_sudo[0], by_sudo[1:], timeout=30, encoding="utf-8", cwd="/")
        for answer in answers:
            sudo.expect("assword|erification code")
            sudo.sendline(answer() if callable(answer) else answer)
        sudo.expect(pexpect.EOF)
        return sudo.before

    assert "no change to confirm" in confirm(host.person.password).replace("\r\n", " ")
    ticket = Path("/run/sudo/ts") / host.person.name
    assert ticket.exists()
    assert apply("sudo").returncode == 0
    assert not ticket.exists()
    assert "stays" in confirm(host.person.password, enrolled.phone.fresh)


def plan(*words):
    """What would be changed, and what is said of it."""
    done = twostep("apply", *words, "--dry-run")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, " ".join(done.stdout.split())


def test_given_keys_kerberos_and_root_by_key_then_the_plan_says_what_stops(host, neighbor):
    (DROP_IN.parent / "50-site.conf").write_text("PermitRootLogin prohibit-password\nGSSAPIAuthentication yes\n")
    sshd.make_key(neighbor)
    for keys in ("with-code", "refuse"):
        _, said = plan("sshd", "--keys", keys)
        assert "root can no longer log in by ssh" in said and "gssapi-with-mic" in said
        assert "A program that logs in with one and answers no question" in said and "`Match Group NAME`" in said
    assert snapshot() == host.before


def test_given_a_host_where_keys_go_on_or_nothing_stops_then_the_plan_is_silent(host):
    (DROP_IN.parent / "50-site.conf").write_text("PermitRootLogin yes\nAuthorizedKeysFile /nonexistent/%u\n")
    assert "stop" not in plan("sshd", "--keys", "with-code")[1] and "fails from now on" not in plan("sshd", "--keys", "with-code")[1]
    assert "fails from now on" not in plan("sshd", "--keys", "alone")[1]


def test_given_nobody_who_has_enrolled_then_the_plan_says_that_nobody_is_asked(host, clock):
    assert "Nobody who looks after this host has enrolled" in plan("sudo")[1]
    enrollment.enroll(host.person, clock)
    assert "has enrolled" not in plan("sudo")[1]


def test_given_a_change_that_no_login_over_ssh_confirms_then_the_plan_says_so(host):
    stacks.write("login", STOCK)
    assert "Only a login at the console (login) confirms this change" in plan("login")[1]
    assert "at the console" not in plan("sshd", "login", "--keys", "alone")[1]
    assert "at the console" not in plan("sudo")[1]


def test_given_tabs_in_a_file_then_the_plan_shows_tabs(host):
    stacks.write("sudo", STOCK.replace("account required", "account\trequired"))
    shown, _ = plan("sudo")
    assert "account\trequired" in shown and "x09" not in shown


@pytest.mark.parametrize("time", ["1s", "5s", "89s", "61m", "1d"])
def test_given_a_time_to_confirm_that_is_too_short_or_too_long_then_nothing_is_changed(host, time):
    done = twostep("apply", "sudo", "--confirm-within", time, "--yes")
    assert done.returncode == 2 and "90s to 1h" in done.stderr
    assert "90s to 1h" in " ".join(twostep("apply", "--help").stdout.split())
    assert snapshot() == host.before


def test_given_a_trial_then_nothing_critical_is_logged_and_no_directory_is_asked_for_a_name_that_nobody_has(host, journal):
    journal.mark()
    assert apply("sudo").returncode == 0
    text = journal.text()
    assert "user=nobody" in text, "the trial asked somebody"
    assert "could not identify password" not in text and "user unknown" not in text and "twostep-trial" not in text
