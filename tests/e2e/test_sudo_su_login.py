"""sudo, su and login ask for the code; cron, sudo without a password and su by root do not meet us."""

import subprocess
import time
from pathlib import Path

import pytest

import configuration
import people
import stacks
import terminals
from attempts import log_in
from terminals import answer

SU = "auth sufficient pam_rootok.so\n" + stacks.PASSWORD_AND_CODE
SUDOERS = Path("/etc/sudoers.d/twostep-tests")


@pytest.fixture(scope="module", autouse=True)
def services(view):
    stacks.write("su", SU)
    stacks.write("sudo", stacks.PASSWORD_AND_CODE)
    stacks.write("login", stacks.PASSWORD_AND_CODE)
    stacks.write("cron", stacks.PASSWORD_WITH_OUR_ACCOUNT_LINE)


def allow_sudo(somebody, rule="ALL", *, timeout=0, tries=1):
    SUDOERS.write_text(f"Defaults:{somebody.name} timestamp_timeout={timeout}, passwd_tries={tries}\n"
                       f"{somebody.name} ALL=(ALL:ALL) {rule}\n")
    SUDOERS.chmod(0o440)


def sudo(somebody, *answers, options=("-k",)):
    return answer(somebody.person.command("sudo", *options, "id", "-u"), *answers)


def su(to, *answers, by):
    return answer(by.command("su", to.name, "-c", "id -un"), *answers)


def test_given_password_and_code_then_sudo_runs_the_command(enrolled, journal):
    allow_sudo(enrolled)
    session = sudo(enrolled, enrolled.person.password, enrolled.phone.fresh())
    assert session.status == 0
    assert session.output.split()[-1] == "0"
    assert session.prompts[-1] == "Verification code:"
    journal.find("accepted", f"user={enrolled.name}", "service=sudo")


def test_given_a_program_that_wants_no_messages_then_the_next_question_says_why(enrolled):
    allow_sudo(enrolled, tries=3)
    password, phone = enrolled.person.password, enrolled.phone
    spent = phone.fresh()
    assert sudo(enrolled, password, spent).status == 0
    session = sudo(enrolled, password, spent, password, "12345", password, phone.fresh())
    assert session.status == 0
    said = [line for line in session.output.splitlines() if line.startswith(("This", "That", "Verification"))]
    assert [line.strip() for line in said] == [
        "Verification code:",
        "This verification code was used already. Wait for the next one.", "Verification code:",
        "That is not a verification code. Type the digits that your phone shows, or a recovery code.", "Verification code:"]


REFUSED = {
    "wrong": lambda somebody: somebody.phone.wrong(),
    "the code of the enrollment": lambda somebody: somebody.phone.codes(somebody.phone.last_shown)[0],
    "outside the window": lambda somebody: somebody.phone.code(61),
    "empty": lambda somebody: "",
    "5 digits": lambda somebody: "12345",
    "7 digits": lambda somebody: "1234567",
    "300 characters": lambda somebody: "9" * 300,
    "other digits": lambda somebody: "١٢٣٤٥٦",
}


@pytest.mark.parametrize("make_answer", REFUSED.values(), ids=REFUSED.keys())
def test_given_a_bad_answer_then_sudo_su_and_login_refuse(enrolled, neighbor, make_answer):
    allow_sudo(enrolled)
    bad = make_answer(enrolled)
    assert sudo(enrolled, enrolled.person.password, bad).status != 0
    session = su(enrolled, enrolled.person.password, bad, by=neighbor)
    assert session.status != 0
    assert session.prompts == ["Password:", "Verification code:"]
    assert "I-AM" not in terminals.login(enrolled.name, enrolled.person.password, bad).output


def test_given_a_spent_code_then_sudo_su_and_login_refuse_it(enrolled, neighbor):
    allow_sudo(enrolled)
    code = enrolled.phone.fresh()
    assert sudo(enrolled, enrolled.person.password, code).status == 0
    assert sudo(enrolled, enrolled.person.password, code).status != 0
    assert su(enrolled, enrolled.person.password, code, by=neighbor).status != 0
    assert "I-AM" not in terminals.login(enrolled.name, enrolled.person.password, code).output


def test_given_a_code_in_groups_then_sudo_and_su_accept_it(enrolled, neighbor):
    allow_sudo(enrolled)
    code = enrolled.phone.fresh()
    assert sudo(enrolled, enrolled.person.password, f"{code[:3]} {code[3:]}").status == 0
    code = enrolled.phone.fresh()
    assert su(enrolled, enrolled.person.password, f"{code[:3]}-{code[3:]}", by=neighbor).status == 0


def test_given_sudo_reads_standard_input_then_one_line_each_answers(enrolled):
    allow_sudo(enrolled)
    answers = f"{enrolled.person.password}\n{enrolled.phone.fresh()}\n"
    done = enrolled.person.run("sudo", "-k", "-S", "id", "-u", input=answers)
    assert done.stdout.strip() == "0", done.stderr


def test_given_a_cached_ticket_then_sudo_passes_without_a_code(enrolled):
    allow_sudo(enrolled, timeout=15)
    answers = f"{enrolled.person.password}\n{enrolled.phone.fresh()}\n"
    script = "sudo -S id -u && sudo -n id -u"
    done = enrolled.person.run("sh", "-c", script, input=answers)
    assert done.stdout.split() == ["0", "0"], done.stderr


def test_given_nopasswd_then_sudo_passes_without_a_code(enrolled):
    allow_sudo(enrolled, "NOPASSWD: ALL")
    done = enrolled.person.run("sudo", "-n", "id", "-u")
    assert done.stdout.strip() == "0", done.stderr


def test_given_a_required_step_then_sudo_without_a_password_still_passes(person):
    configuration.write(policy={"required": True})
    allow_sudo(person, "NOPASSWD: ALL")
    done = person.run("sudo", "-n", "id", "-u")
    assert done.stdout.strip() == "0", done.stderr


def test_given_password_and_code_then_su_becomes_the_person(enrolled, neighbor, journal):
    session = su(enrolled, enrolled.person.password, enrolled.phone.fresh(), by=neighbor)
    assert session.status == 0
    assert session.output.split()[-1] == enrolled.name
    journal.find("accepted", f"user={enrolled.name}", "service=su")


def test_given_su_by_root_then_no_code_is_asked(enrolled):
    done = subprocess.run(["su", enrolled.name, "-c", "id -un"], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=30)
    assert done.stdout.strip() == enrolled.name, done.stderr


def test_given_a_required_step_then_su_by_root_still_passes(person):
    configuration.write(policy={"required": True})
    done = subprocess.run(["su", person.name, "-c", "id -un"], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=30)
    assert done.stdout.strip() == person.name, done.stderr


def test_given_password_and_code_then_login_opens_a_shell(enrolled, journal):
    session = terminals.login(enrolled.name, enrolled.person.password, enrolled.phone.fresh())
    assert f"I-AM {enrolled.name}" in session.output
    journal.find("accepted", f"user={enrolled.name}", "service=login")


def test_given_a_wrong_password_then_neither_su_nor_sudo_nor_login_asks_for_a_code(
        enrolled, neighbor):
    allow_sudo(enrolled)
    code = enrolled.phone.fresh()
    for session in (sudo(enrolled, "wrong horse", code), su(enrolled, "wrong horse", code, by=neighbor),
                    terminals.login(enrolled.name, "wrong horse")):
        assert "Verification code:" not in session.prompts
    assert sudo(enrolled, enrolled.person.password, code).status == 0


@pytest.mark.parametrize("required", [False, True])
def test_given_a_cron_job_then_it_runs_with_our_account_line(enrolled, neighbor, required):
    configuration.write(policy={"required": required})
    jobs = Path("/etc/cron.d/twostep-tests")
    homes = [enrolled.person.home, neighbor.home]
    jobs.write_text("".join(f"@reboot {home_owner} id -un >{home}/cron-ran\n" for home_owner, home
                            in zip((enrolled.name, neighbor.name), homes)))
    jobs.chmod(0o644)
    Path("/run/crond.reboot").unlink(missing_ok=True)
    cron = subprocess.Popen(["cron", "-f"])
    try:
        assert eventually(lambda: all((home / "cron-ran").exists() for home in homes))
    finally:
        cron.terminate()
        cron.wait(timeout=10)
        jobs.unlink()
    assert eventually(lambda: (neighbor.home / "cron-ran").read_text().strip() == neighbor.name)


def eventually(condition):
    for _ in range(200):
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_given_a_program_run_by_its_own_user_then_the_service_verifies_the_code(enrolled, journal):
    person, phone = enrolled.person, enrolled.phone
    told = log_in(enrolled, person.password, phone.wrong(), service="cs-login", run_as=person)
    assert not told.accepted
    assert told.asked
    code = phone.fresh()
    told = log_in(enrolled, person.password, code, service="cs-login", run_as=person)
    assert told.accepted
    assert journal.find("accepted", f"user={enrolled.name}").count("accepted") == 1
    told = log_in(enrolled, person.password, code, service="cs-login", run_as=person)
    assert not told.accepted


def test_given_pamtester_run_by_its_own_user_then_the_code_lets_it_in(enrolled):
    def pamtester(code):
        done = enrolled.person.run("pamtester", "cs-code", enrolled.name, "authenticate",
                                   "acct_mgmt", input=code + "\n")
        return done.returncode == 0
    code = enrolled.phone.fresh()
    assert pamtester(code)
    assert not pamtester(code)
    assert not pamtester("")


def test_given_a_program_run_by_another_user_then_it_is_refused_with_the_reason(
        enrolled, neighbor, journal):
    told = log_in(enrolled, enrolled.phone.fresh(), service="cs-code", run_as=neighbor)
    assert not told.accepted
    journal.find(f"user={enrolled.name}", "refused", "reason=not-the-process-owner")
    assert log_in(enrolled, enrolled.phone.code()).accepted


def test_given_a_program_run_by_its_own_user_then_a_recovery_code_counts_once(enrolled):
    code = enrolled.recovery_codes[0]
    assert log_in(enrolled, code, run_as=enrolled.person).accepted
    assert not log_in(enrolled, code, run_as=enrolled.person).accepted
    assert not log_in(enrolled, code).accepted


def test_given_a_program_run_by_a_user_not_enrolled_then_no_code_is_asked(person):
    told = log_in(person, run_as=person)
    assert told.accepted
    assert not told.asked


def test_given_no_new_privs_then_a_program_of_the_user_logs_in_too(enrolled):
    line = ["setpriv", f"--reuid={enrolled.person.uid}", f"--regid={enrolled.person.uid}",
            "--init-groups", "--reset-env", "--no-new-privs", "--"]
    told = log_in(enrolled, enrolled.phone.fresh(), prefix=line)
    assert told.accepted


def test_given_a_person_in_the_sudo_rules_of_another_then_the_code_is_their_own(
        enrolled, enroll_another):
    other = enroll_another()
    allow_sudo(enrolled)
    session = sudo(enrolled, enrolled.person.password, other.phone.fresh())
    assert session.status != 0
    assert people.PASSWORD not in session.output
