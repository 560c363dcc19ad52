"""The built module as a guest in somebody else's process."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import attempts
import configuration
import enrollment
import people
import stacks
from attempts import BUILT, SERVICE_ERR, log_in


TOP = Path(__file__).parent.parent.parent
PAM_FUNCTIONS = {"pam_sm_authenticate", "pam_sm_setcred", "pam_sm_acct_mgmt", "pam_sm_open_session",
                 "pam_sm_close_session", "pam_sm_chauthtok"}


@pytest.fixture(scope="module")
def module():
    (found,) = [path for place in ("/lib", "/usr/lib", "/usr/lib64") for path in
                Path(place).glob("**/security/pam_twostep.so") if not path.parent.is_symlink()][:1]
    return found


def output(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def test_given_the_built_module_then_it_exports_the_six_entry_points_and_nothing_else(module):
    lines = output("nm", "-D", "--defined-only", module).splitlines()
    assert {line.split()[-1].split("@")[0] for line in lines} == PAM_FUNCTIONS


def test_given_the_built_module_then_it_needs_libc_and_libpam_only(module):
    needed = set(re.findall(r"NEEDED.*\[(.*)\]", output("readelf", "-d", module)))
    assert needed <= {"libc.so.6", "libpam.so.0", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}


def test_given_the_built_module_then_it_is_small_and_hardened(module):
    # The aim of docs/benchmarks is 400 kB. 150 kB are the standard library's own, for the backtrace of a panic.
    assert module.stat().st_size <= 416 * 1024
    flags = output("readelf", "-dW", module)
    assert "NOW" in flags
    segments = output("readelf", "-lW", module)
    assert "GNU_RELRO" in segments
    assert re.search(r"GNU_STACK.*RW ", segments)


def test_given_ten_thousand_logins_in_one_process_then_nothing_is_left_behind(enrolled, clock):
    phone = enrolled.phone
    codes = phone.codes(phone.step() + 1, 10_000)
    clock.advance(phone.period)
    told = soak(enrolled, codes, "-t", str(phone.period))
    # A code that is the same as the one after it counts as the newer one, and that one is used up then.
    doubles = sum(one == next_one for one, next_one in zip(codes, codes[1:]))
    assert (told["accepted"], told["logins"]) == (10_000 - doubles, 10_000)
    assert (told["fds"], told["threads"], told["changed"]) == (0, 0, [])
    assert told["heap"] < 80_000        # bytes: libc keeps some freed ones; a leak of 8 would be seen
    assert told["resident"] < 1024      # KiB
    phone.last_shown = phone.step()


def soak(somebody, codes, *options, prefix=(), service="cs-code", program=BUILT / "soak"):
    line = [*prefix, str(program), "-u", somebody.name, "-s", service, *options]
    done = subprocess.run(line, input="\n".join(codes) + "\n", capture_output=True, text=True,
                          timeout=300, cwd="/")
    told = {"changed": [], "stderr": done.stderr, "status": done.returncode}
    for line in done.stdout.splitlines():
        name, value = line.split(" ", 1)
        if name == "changed":
            told["changed"].append(value)
        else:
            told[name] = int(value)
    return told


def test_given_refused_logins_in_one_process_then_nothing_is_left_behind(enrolled):
    answers = [enrolled.phone.wrong(), "", "12345", "x" * 300, "0000-0000-0000-0000"] * 1000
    told = soak(enrolled, answers, "-w", "2000")
    assert told["accepted"] == 0
    assert (told["fds"], told["threads"], told["changed"]) == (0, 0, [])
    assert told["heap"] < 40_000        # bytes: a leak of 8 would be seen


def test_given_valgrind_then_no_memory_is_lost_or_misread(enrolled, clock, tmp_path):
    phone = enrolled.phone
    codes = phone.codes(phone.step() + 1, 8) + ["123456", "", enrolled.recovery_codes[0]]
    clock.advance(phone.period)
    report = tmp_path / "valgrind"
    told = soak(enrolled, codes, "-t", str(phone.period), "-w", "1",
                prefix=["valgrind", "--leak-check=full", "--show-leak-kinds=definite,indirect",
                        "--errors-for-leak-kinds=definite,indirect", "--keep-debuginfo=yes",
                        f"--log-file={report}"])
    phone.last_shown = phone.step()
    text = report.read_text()
    assert told["accepted"] >= 8
    assert "pam_twostep" not in text, text
    assert "ERROR SUMMARY: 0 errors" in text, text


def test_given_many_handles_at_once_in_one_process_then_pam_user_and_host_are_as_before(enrolled):
    told = soak(enrolled, ["123456"] * 3)
    assert told["changed"] == []


OPTIONS = {
    "nullok": "required", "try_first_pass": "try_first_pass", "use_first_pass": "use_first_pass",
    "debug": "debug", "require_stepp": "require_stepp", "mode=token": "mode=token",
    "mode=app_password forward_pass": "forward_pass", "config=relative.toml": "config=relative.toml",
    "config=": "config", "echo=yes": "echo", "qr=png": "qr=png", "prompt=": "prompt",
    "echo echo": "echo", "secret=/x": "secret", "[a b]": "a b",
}


@pytest.mark.parametrize("option, named", OPTIONS.items(), ids=OPTIONS.keys())
@pytest.mark.parametrize("phases", ["a", "c"])
def test_given_a_wrong_option_then_it_is_an_error_that_names_it(
        enrolled, neighbor, journal, option, named, phases):
    stacks.write("cs-option", stacks.CODE_ONLY.replace(
        "account required pam_twostep.so", "account required pam_twostep.so {options}"), option)
    for who in (enrolled, neighbor):
        told = log_in(who, enrolled.phone.fresh(), service="cs-option", phases=phases)
        assert set(told.phases.values()) == {SERVICE_ERR}
    assert named in journal.find("option") or named in journal.find(named)


def test_given_a_wrong_option_on_the_session_line_then_the_session_still_opens(enrolled, journal):
    stacks.write("cs-option", "session required pam_twostep.so bogus\nsession required pam_permit.so\n")
    assert log_in(enrolled, phases="ox", service="cs-option").accepted
    journal.find("bogus")


def test_given_a_prompt_and_echo_then_the_question_is_that(enrolled):
    stacks.write("cs-prompt", stacks.CODE_ONLY, "[prompt=Code of your phone: ] echo")
    line = attempts.words(enrolled, enrolled.phone.fresh(), service="cs-prompt")
    done = subprocess.run(line, capture_output=True, text=True)
    assert "visible\tCode of your phone: " in done.stdout.splitlines()
    assert "auth\t0" in done.stdout.splitlines()


def test_given_no_echo_option_then_the_answer_is_hidden(enrolled):
    line = attempts.words(enrolled, enrolled.phone.fresh())
    out = subprocess.run(line, capture_output=True, text=True).stdout
    assert "hidden\tVerification code: " in out.splitlines()


def test_given_a_login_then_nothing_is_written_to_stdout_or_stderr(enrolled, neighbor):
    for somebody, answer in ((enrolled, enrolled.phone.wrong()), (enrolled, enrolled.phone.fresh()),
                             (neighbor, "")):
        done = subprocess.run(attempts.words(somebody, answer, phases="acsox"), capture_output=True)
        kinds = {line.split(b"\t")[0] for line in done.stdout.splitlines()}
        assert kinds <= {b"hidden", b"info", b"error", b"auth", b"account", b"setcred", b"open",
                         b"close", b"user"}
        assert done.stderr == b""


def test_given_ssh_auth_info_then_the_ssh_key_mode_says_whether_a_key_was_given(person):
    stacks.write("cs-key", "auth [success=ok ignore=die default=die] pam_twostep.so mode=ssh_key\n")
    key = "SSH_AUTH_INFO_0=publickey ssh-ed25519 AAAAC3\n"
    assert log_in(person, service="cs-key", phases="as", variables=[key]).accepted
    for info in ([], ["SSH_AUTH_INFO_0=password\n"], ["SSH_AUTH_INFO_0=keyboard-interactive/pam\n"],
                 ["SSH_AUTH_INFO_0=xpublickey y\n"], ["SSH_AUTH_INFO_0="]):
        assert not log_in(person, service="cs-key", phases="a", variables=info).accepted, info


def test_given_the_environment_of_the_process_then_it_proves_no_key(person):
    stacks.write("cs-key", "auth [success=ok ignore=die default=die] pam_twostep.so mode=ssh_key\n")
    line = attempts.words(person, service="cs-key", phases="a")
    done = subprocess.run(line, capture_output=True, text=True,
                          env={**os.environ, "SSH_AUTH_INFO_0": "publickey ssh-ed25519 AAAA\n"})
    assert "auth\t0" not in done.stdout.splitlines()


@pytest.fixture
def panicking(module):
    """The same module, built so that it panics at every login."""
    built = Path(os.environ.get("TWOSTEP_PANIC_MODULE",
                                TOP / "target/fault-panic/debug/libpam_twostep.so"))
    assert built.exists(), (
        "the module that panics is not built. Run: cargo build -p pam_twostep "
        "--features fault-panic --target-dir target/fault-panic")
    place = module.with_name("pam_twostep_panic.so")
    shutil.copy(built, place)
    text = stacks.CODE_ONLY.replace("pam_twostep.so", place.name)
    yield stacks.write("cs-panic", text)
    place.unlink()


def test_given_a_panic_inside_then_it_is_refused_and_logged_and_the_host_lives(
        panicking, enrolled, neighbor, journal):
    for who in (enrolled, neighbor):
        line = attempts.words(who, enrolled.phone.fresh(), service=panicking, phases="ac",
                              keep_going=True)
        done = subprocess.run(line, capture_output=True, text=True)
        assert f"auth\t{SERVICE_ERR}" in done.stdout.splitlines()
        assert f"user\t{who.name}" in done.stdout.splitlines()      # the program went on to its end
        assert done.stderr == ""
    journal.find("panic")
    told = soak(enrolled, ["123456"] * 200, service=panicking)
    assert (told["accepted"], told["fds"], told["changed"]) == (0, 0, [])


def test_given_a_panic_then_no_secret_is_in_the_log(panicking, enrolled, journal):
    log_in(enrolled, enrolled.phone.fresh(), service=panicking)
    journal.find("panic")
    assert "hunter2" not in journal.text()      # what the panic said


def test_given_two_lines_of_the_module_in_one_stack_then_the_code_is_asked_by_the_second_too(
        enrolled):
    """Each line is a question of its own: the code of the first is spent for the second."""
    stacks.write("cs-twice", "auth requisite pam_twostep.so\n" + stacks.CODE_ONLY.format(options=""))
    code = enrolled.phone.fresh()
    told = log_in(enrolled, code, code, service="cs-twice")
    assert not told.accepted
