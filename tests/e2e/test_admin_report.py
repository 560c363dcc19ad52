"""`twostep admin report` and `prune`: who is covered, and what is left over."""

import csv
import datetime
import io
import json
import re
import subprocess
from pathlib import Path

import pexpect
import pytest

import configuration
import enrollment
import people
import terminals
from attempts import log_in

HOME = "203.0.113.7"
PASSWD = Path("/etc/passwd")
NO_TERMINAL = {"input": "", "capture_output": True, "text": True, "timeout": 60, "cwd": "/"}


def admin(*words, sudo_user=None, **options):
    """What an administrator's command says, without a terminal."""
    environment = {**terminals.ENVIRONMENT, **({"SUDO_USER": sudo_user} if sudo_user else {})}
    options = {"env": environment, **NO_TERMINAL, **options}
    return subprocess.run(["twostep", "admin", *words], **options)


def right(*words, **options):
    done = admin(*words, **options)
    assert done.returncode == 0, (done.stdout, done.stderr)
    return done.stdout


def report(*flags):
    """Everybody's line by name."""
    rows = [json.loads(line) for line in right("report", "--json", *flags).splitlines()]
    assert len({row["user"] for row in rows}) == len(rows)
    return {row["user"]: row for row in rows}


def lock(enrolled, clock):
    """Wrong codes from where they are known close the codes of a person, at a cap of 3."""
    assert log_in(enrolled, enrolled.phone.fresh(), rhost=HOME).accepted
    for number in range(3):
        clock.advance(2)
        assert not log_in(enrolled, enrolled.phone.wrong(number), rhost=HOME).accepted


@pytest.fixture
def forget(view):
    """Takes users out of the user database, and all changes of it back at the end."""
    before = PASSWD.read_text()

    def change(*persons, uid=None):
        lines = PASSWD.read_text().splitlines(keepends=True)
        for person in persons:
            place = next(n for n, line in enumerate(lines) if line.startswith(f"{person.name}:"))
            line = lines.pop(place)
            if uid is not None:
                lines.append(line.replace(f":{person.uid}:", f":{uid}:", 1))
        PASSWD.write_text("".join(lines))
    yield change
    PASSWD.write_text(before)


def test_given_an_enrolled_user_then_the_line_says_since_when_with_what_and_from_where(enrolled, clock):
    assert log_in(enrolled, enrolled.phone.fresh(), rhost=HOME).accepted
    assert log_in(enrolled, enrolled.recovery_codes[0], rhost=HOME).accepted
    row = report()[enrolled.name]
    assert (row["uid"], row["enrolled"], row["authenticators"]) == (enrolled.person.uid, True, ["phone"])
    assert abs(row["enrolled_since"] - clock.now()) < 300
    assert row["last_second_step"]["source"] == HOME
    assert row["recovery_codes_left"] == 9
    assert (row["app_passwords"], row["required"], row["overdue"], row["locked"]) == (0, False, False, False)
    assert (row["grace_until"], row["exempt"], row["suspended_until"]) == (None, None, None)
    assert (row["trouble"], row["orphan"]) == (None, None)


def test_given_an_application_password_then_it_is_counted(enrolled):
    done = enrolled.person.run("twostep", "app-password", "create", "mail", "--service", "dovecot",
                               input=enrolled.phone.fresh() + "\n")
    assert done.returncode == 0, done.stderr
    assert report()[enrolled.name]["app_passwords"] == 1


@pytest.fixture
def everyone(enroll_another, clock):
    """One of each kind; whoever is not exempt must enroll, and has time for it."""
    group = f"robots{people.add().uid}"
    subprocess.run(["groupadd", "--system", group], check=True)
    since = datetime.datetime.fromtimestamp(int(clock.now()) - 60, datetime.timezone.utc)
    configuration.write(
        throttle={"cap": 3, "wait": "1s", "max_wait": "1s"},
        policy={"exempt_groups": [group], "grace": "14d"})
    one = {"enrolled": enroll_another(), "suspended": enroll_another(), "locked": enroll_another(),
           "exempt": people.add(), "in_grace": people.add()}
    people.add_to_group(one["exempt"].name, group)
    lock(one["locked"], clock)
    right("suspend", one["suspended"].name, "--for", "2h", "--reason", "phone lost")
    text = configuration.FILE.read_text() + f"since = {since:%Y-%m-%dT%H:%M:%SZ}\nrequired = true\n"
    configuration.write_text(text)
    one["group"] = group
    return one


FLAGS = {
    "--enrolled": {"enrolled", "suspended", "locked"}, "--not-enrolled": {"exempt", "in_grace"},
    "--in-grace": {"in_grace"}, "--suspended": {"suspended"}, "--exempt": {"exempt"},
    "--locked": {"locked"}, "--overdue": set(), "--trouble": set(),
}


def test_given_a_flag_then_only_who_fits_is_shown(everyone, clock):
    kinds = [kind for kind in everyone if kind != "group"]
    for flag, expected in FLAGS.items():
        rows = report(flag)
        assert {kind for kind in kinds if everyone[kind].name in rows} == expected, flag
    rows = report()
    assert rows[everyone["exempt"].name]["exempt"] == f"exempt-group {everyone['group']}"
    suspended = rows[everyone["suspended"].name]
    assert (suspended["suspension_reason"], suspended["suspended_by"]) == ("phone lost", "root")
    assert abs(suspended["suspended_until"] - clock.now() - 7200) < 120
    assert abs(rows[everyone["in_grace"].name]["grace_until"] - clock.now() - 14 * 86400) < 300
    assert list(report("--group", everyone["group"])) == [everyone["exempt"].name]
    assert report("--group", everyone["group"], "--enrolled") == {}
    text = configuration.FILE.read_text().replace('grace = "14d"', 'grace = "0"')
    configuration.write_text(text.replace("since", "# since"))
    rows = report("--overdue")
    assert {kind for kind in kinds if everyone[kind].name in rows} == {"in_grace"}


def test_given_a_group_that_is_not_there_then_it_is_refused(view):
    done = admin("report", "--group", "no-such-group")
    assert done.returncode == 1
    assert "no-such-group" in done.stderr and "getent group" in done.stderr


def test_given_csv_then_a_spreadsheet_reads_the_same(everyone):
    rows = {row["user"]: row for row in csv.DictReader(io.StringIO(right("report", "--csv")))}
    same = report()
    assert rows.keys() == same.keys()
    one = rows[everyone["enrolled"].name]
    since = datetime.datetime.strptime(one["enrolled_since"], "%Y-%m-%dT%H:%M:%S%z")
    assert since.timestamp() == same[one["user"]]["enrolled_since"]
    assert (one["enrolled"], one["authenticators"], one["overdue"]) == ("yes", "phone", "no")
    assert rows[everyone["suspended"].name]["suspension_reason"] == "phone lost"
    assert rows[everyone["locked"].name]["locked"] == "yes"
    assert rows[everyone["in_grace"].name]["grace_until"]


def test_given_a_reason_that_is_a_formula_then_the_spreadsheet_gets_text(enrolled):
    right("suspend", enrolled.name, "--for", "1h", "--reason", "=1+1")
    rows = csv.DictReader(io.StringIO(right("report", "--csv", "--suspended")))
    assert {row["user"]: row["suspension_reason"] for row in rows}[enrolled.name] == "'=1+1"


def test_given_people_then_a_table_fits_the_page_and_ends_with_the_numbers(everyone):
    text = right("report")
    assert all(len(line) <= 80 for line in text.splitlines())
    last = " ".join(text.split("\n\n")[-1].split())
    found = re.fullmatch(r"(\d+) users: (\d+) enrolled, (\d+) in grace, (\d+) overdue, (\d+) suspended, "
                         r"(\d+) exempt, (\d+) locked, (\d+) in trouble\.( \d+ accounts? \w+ nobody's\.)?", last)
    rows = report().values()
    users = [row for row in rows if row["orphan"] is None]
    assert [int(number) for number in found.groups()[:3]] == [
        len(users), sum(row["enrolled"] for row in users), sum(row["grace_until"] is not None for row in users)]
    assert int(found[5]) >= 1 and int(found[6]) >= 1 and int(found[7]) >= 1
    for words in ("suspended until", "phone lost", f"exempt by the group {everyone['group']}", "locked"):
        assert words in text
    lines = text.splitlines()
    assert any(line.split()[:2] == [everyone["in_grace"].name, "enroll"] for line in lines)
    some = right("report", "--locked")
    assert everyone["locked"].name in some and everyone["enrolled"].name not in some
    assert re.search(r"\d+ of \d+ shown\.", " ".join(some.split()))


def test_given_a_narrow_terminal_then_no_line_is_wider(enrolled):
    program = terminals.spawn(["twostep", "admin", "report", "--enrolled"], dimensions=(24, 40))
    program.expect(pexpect.EOF)
    lines = program.before.splitlines()
    assert any(enrolled.name in line for line in lines)
    assert all(len(line) <= 40 for line in lines), program.before


def test_given_no_shell_and_no_account_then_a_user_is_not_shown(view):
    service, covered = people.add(shell="/usr/sbin/nologin"), people.add(shell="/usr/sbin/nologin")
    right("suspend", covered.name, "--for", "1h")
    rows = report()
    assert service.name not in rows and covered.name in rows


def test_given_two_names_of_one_uid_then_both_are_shown_with_the_one_account(enrolled, forget):
    alias = f"{enrolled.name}-alias"
    with open(PASSWD, "a", encoding="utf-8") as passwd:
        passwd.write(f"{alias}:x:{enrolled.person.uid}:{enrolled.person.uid}::/:/bin/sh\n")
    rows = report("--enrolled")
    assert rows[enrolled.name]["authenticators"] == rows[alias]["authenticators"] == ["phone"]


def test_given_many_users_then_a_bar_grows_on_the_terminal_and_not_in_the_file(forget):
    with open(PASSWD, "a", encoding="utf-8") as passwd:
        passwd.writelines(f"crowd{number}:x:{50000 + number}:100::/:/bin/sh\n" for number in range(3000))
    program = terminals.spawn(["sh", "-c", "twostep admin report --json >/run/report.json"])
    program.expect(r"\[#+\.+\] \d+ of 3\d\d\d users")
    program.expect(pexpect.EOF)
    lines = Path("/run/report.json").read_text().splitlines()
    assert sum("crowd" in json.loads(line)["user"] for line in lines) == 3000


def test_given_an_account_that_cannot_be_read_then_it_is_in_trouble_and_the_others_are_shown(enrolled, neighbor):
    text = enrolled.file.read_text()
    enrolled.file.write_text("garbage")
    rows = report()
    assert enrolled.name in rows[enrolled.name]["trouble"] and neighbor.name in rows
    assert set(report("--trouble")) >= {enrolled.name}
    assert enrolled.name not in report("--not-enrolled")
    enrolled.file.write_text(text)
    assert enrolled.name not in report("--trouble")


def test_given_names_that_nobody_has_then_the_report_warns_beside_it(person):
    configuration.write(policy={"required_groups": ["no-such-group"], "exempt_groups": ["nor-this"],
                                "exempt_users": ["no-such-user", person.name]})
    done = admin("report", "--json", "--exempt")
    assert [json.loads(line)["user"] for line in done.stdout.splitlines()] == [person.name]
    lines = done.stderr.splitlines()
    assert len(lines) == 3 and all(line.startswith("twostep: WARNING: ") for line in lines), lines
    for line, name in zip(lines, ["no-such-group", "nor-this", "no-such-user"]):
        assert f" names {name}, but there is no such " in line
    told = json.loads(right("require", "--off", "--json", "--yes"))
    assert len(told["warnings"]) == 2 and "nor-this" in told["warnings"][0]


def test_given_nobody_who_fits_then_there_is_no_table(view):
    text = right("report", "--suspended", "--locked")
    assert "User  " not in text and text.startswith("0 of ")


def test_given_an_invitation_then_every_form_of_the_report_has_it(person, clock):
    right("enroll", person.name, "--invite", "--for", "1d")
    until = report()[person.name]["invited_until"]
    assert abs(until - clock.now() - 86400) < 60
    rows = {row["user"]: row for row in csv.DictReader(io.StringIO(right("report", "--csv")))}
    invited = datetime.datetime.strptime(rows[person.name]["invited_until"], "%Y-%m-%dT%H:%M:%S%z")
    assert invited.timestamp() == until
    assert "invited to enroll until" in right("report")


def test_given_a_requirement_of_later_then_the_end_of_the_time_is_told_already(person, clock):
    since = datetime.datetime.fromtimestamp(int(clock.now()) + 86400, datetime.timezone.utc)
    configuration.write(policy={"required": True, "since": since, "grace": "2d"})
    row = report("--in-grace")[person.name]
    assert (row["required"], row["overdue"]) == (True, False)
    assert row["grace_until"] == since.timestamp() + 2 * 86400


def test_given_a_broken_configuration_then_the_lines_are_by_the_last_good_one_and_it_is_said(person):
    configuration.write(policy={"exempt_users": [person.name]})
    assert report()[person.name]["exempt"] == "exempt-user"
    configuration.write_text("version = 1\n[policy\n")
    done = admin("report", "--json", "--exempt")
    assert [json.loads(line)["user"] for line in done.stdout.splitlines()] == [person.name]
    assert "config.toml" in done.stderr and "line 2" in done.stderr


@pytest.fixture
def broken_list(view):
    """The user database gives up in the middle of the list."""
    program = Path("/usr/bin/getent")
    kept, mode = program.read_bytes(), program.stat().st_mode
    program.unlink()
    program.write_text("#!/bin/sh\necho root:x:0:0::/root:/bin/sh\nexit 1\n")
    program.chmod(mode)
    yield
    program.unlink()
    program.write_bytes(kept)
    program.chmod(mode)


@pytest.mark.parametrize("words", [["report"], ["prune", "--yes"], ["require", "--all", "--yes"]], ids=" ".join)
def test_given_a_list_of_users_that_is_not_whole_then_nothing_is_said_to_be_all(enrolled, broken_list, words):
    before = configuration.FILE.read_text()
    done = admin(*words)
    assert done.returncode == 1 and "getent passwd" in done.stderr
    assert enrolled.file.exists() and configuration.FILE.read_text() == before


def test_given_a_report_then_it_changes_nothing(enrolled, neighbor):
    folders = (Path("/var/lib/twostep"), Path("/run/twostep"))

    def files():
        return {path: path.stat().st_mtime_ns for folder in folders for path in folder.rglob("*")}
    before = files()
    right("report")
    assert files() == before


def test_given_whoever_is_not_root_then_the_report_is_refused(person):
    for words in (["report"], ["prune", "--yes"]):
        done = person.run("twostep", "admin", *words, "--json")
        assert done.returncode == 1
        assert json.loads(done.stdout)["error"]["reason"] == "bad_caller"


def test_given_a_user_who_is_no_more_then_the_account_is_listed_and_pruned_after_asking(
        enroll_another, forget, journal):
    gone, stays = enroll_another(), enroll_another()
    right("prune", "--yes", "--force")      # what other tests have left
    forget(gone.person)
    row = report("--trouble")[gone.name]
    assert row["orphan"] == {"why": "no_user"} and row["uid"] == gone.person.uid
    assert "twostep admin prune" in row["trouble"]
    assert admin("prune").returncode == 1 and gone.file.exists()      # nobody to ask
    program = terminals.spawn(["twostep", "admin", "prune"])
    program.expect(r"Remove 1 account for good\? \[y/N\] ")
    assert gone.name in program.before
    program.sendline("n")
    program.expect(pexpect.EOF)
    program.close()
    assert program.exitstatus == 1 and gone.file.exists()
    program = terminals.spawn(["twostep", "admin", "prune"])
    program.expect(r"\[y/N\] ")
    program.sendline("y")
    program.expect(pexpect.EOF)
    assert not gone.file.exists() and stays.file.exists()
    journal.find("pruned", f"user={gone.name}", f"uid={gone.person.uid}", "admin=root")
    assert log_in(stays, stays.phone.fresh()).accepted


def test_given_a_name_with_another_uid_now_then_the_earlier_account_is_pruned(enrolled, clock, forget):
    forget(enrolled.person, uid=45678)
    assert report()[enrolled.name]["orphan"] == {"why": "uid_changed"}
    told = [json.loads(line) for line in right("prune", "--yes", "--json").splitlines()]
    assert [one["orphan"]["why"] for one in told if one["user"] == enrolled.name] == ["uid_changed"]
    assert all(one["removed"] for one in told if one["user"] == enrolled.name)
    assert not enrolled.file.exists()
    row = report()[enrolled.name]
    assert (row["uid"], row["enrolled"], row["trouble"]) == (45678, False, None)
    newcomer = people.Person(enrolled.name, 45678, enrolled.person.home)
    somebody = enrollment.enroll(newcomer, clock)
    assert log_in(somebody, somebody.phone.fresh()).accepted


def test_given_a_renamed_user_then_the_account_is_kept_and_the_remedy_said(enrolled, forget):
    new = f"{enrolled.name}-new"
    PASSWD.write_text(PASSWD.read_text().replace(f"\n{enrolled.name}:", f"\n{new}:"))
    assert report()[enrolled.name]["orphan"] == {"why": "renamed", "user": new}
    told = right("prune", "--yes")
    assert f"twostep admin reset {new}" in " ".join(told.split())
    assert enrolled.file.exists()


def test_given_a_user_database_that_has_lost_most_users_then_nothing_is_pruned_without_force(enroll_another, forget):
    right("prune", "--yes", "--force")
    everybody = [enroll_another() for _ in range(6)]
    accounts = enrollment.ACCOUNTS
    others = [path for path in accounts.glob("*.toml") if path.stem not in {one.name for one in everybody}]
    for path in others:
        path.rename(path.with_suffix(".away"))
    try:
        forget(*(one.person for one in everybody))
        done = admin("prune", "--yes")
        assert done.returncode == 1 and "--force" in done.stderr
        assert all(one.file.exists() for one in everybody)
        told = [json.loads(line) for line in right("prune", "--yes", "--force", "--json").splitlines()]
        assert [one["user"] for one in told] == sorted(one.name for one in everybody)
        assert not any(one.file.exists() for one in everybody)
    finally:
        for path in others:
            path.with_suffix(".away").rename(path)
