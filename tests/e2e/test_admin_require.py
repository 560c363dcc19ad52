"""`twostep admin require`: the requirement, written into the configuration without a surprise."""

import datetime
import fcntl
import json
import os
import re
import subprocess

import pexpect
import pytest

import configuration
import people
import terminals
from attempts import PERM_DENIED, AUTH_ERR, log_in
from test_admin_report import admin, right
from test_disks import fill_the_disk, small_disk

COMMENTED = """\
# Written by hand.
version = 1   # the form

[totp]
digits = 6    # as always

[policy]      # who must
# Ask the help desk before you change this.
contact = "help@example.org"   # the help desk
grace = "7d"                   # a week

[recovery]
count = 10
"""


@pytest.fixture
def commented(view):
    configuration.write_text(COMMENTED)


def added_to(before):
    """The lines that were added; none may be gone but those that got another value."""
    now = configuration.FILE.read_text().splitlines()
    return [line for line in now if line not in before.splitlines()]


def question_of(*words):
    program = terminals.spawn(["twostep", "admin", "require", *words])
    program.expect(r"Put this in force\? \[y/N\] ")
    return program


def ended(program, answer):
    program.sendline(answer)
    program.expect(pexpect.EOF)
    program.close()
    return program.exitstatus


def test_given_all_with_time_then_users_get_in_until_it_is_over(neighbor, enrolled, clock, journal):
    right("require", "--all", "--within", "2d", "--yes")
    assert log_in(neighbor).accepted
    clock.advance(2 * 86400 - 60)
    assert log_in(neighbor).accepted
    clock.advance(120)
    assert not log_in(neighbor, "123456").accepted
    assert log_in(enrolled, enrolled.phone.fresh()).accepted


def test_given_a_commented_file_then_comments_and_order_stay(commented, clock):
    told = right("require", "--all", "--within", "30d", "--yes")
    added = added_to(COMMENTED)
    assert [line.split(" = ")[0] for line in added] == ["grace", "required", "since"]
    assert added[0] == 'grace = "30d"                   # a week'
    since = datetime.datetime.strptime(added[2], "since = %Y-%m-%dT%H:%M:%S%z")
    assert abs(since.timestamp() - clock.now()) < 60
    left = [line for line in COMMENTED.splitlines() if not line.startswith("grace")]
    now = configuration.FILE.read_text().splitlines()
    assert [line for line in now if line in left] == left
    for line in ("- grace = \"7d\"                   # a week", "+ required = true"):
        assert line in told
    assert (configuration.FILE.stat().st_mode & 0o777, configuration.FILE.stat().st_uid) == (0o644, 0)
    assert "required = true" in configuration.LAST_GOOD.read_text()


def test_given_no_time_then_it_is_the_grace_of_the_configuration(commented, person, clock):
    right("require", "--all", "--yes")
    assert 'grace = "7d"' in configuration.FILE.read_text()
    assert log_in(person).accepted
    clock.advance(7 * 86400 + 60)
    assert not log_in(person, "123456").accepted


def test_given_a_group_then_only_its_members_must(person, neighbor, clock):
    group = f"staff{person.uid}"
    subprocess.run(["groupadd", "--system", group], check=True)
    people.add_to_group(person.name, group)
    right("require", "--group", group, "--within", "0", "--yes")
    clock.advance(2)
    assert not log_in(person, "123456").accepted
    assert log_in(neighbor).accepted
    other = f"crew{person.uid}"
    subprocess.run(["groupadd", "--system", other], check=True)
    people.add_to_group(neighbor.name, other)
    right("require", "--group", other, "--within", "0", "--yes")
    clock.advance(2)
    assert f'required_groups = ["{group}", "{other}"]' in configuration.FILE.read_text()
    assert not log_in(person, "123456").accepted and not log_in(neighbor, "123456").accepted
    right("require", "--off", "--yes")
    assert log_in(person).accepted and log_in(neighbor).accepted


def test_given_off_then_nobody_must_and_who_enrolled_is_asked(neighbor, enrolled):
    right("require", "--all", "--within", "0", "--yes", "--force")
    told = right("require", "--off", "--yes")
    assert "- required = true" in told and "+ required = false" in told
    assert log_in(neighbor).accepted
    assert not log_in(enrolled, enrolled.phone.wrong()).accepted


def test_given_a_group_that_is_not_there_then_nothing_is_changed(commented):
    done = admin("require", "--group", "no-such-group", "--yes")
    assert done.returncode == 1 and "no-such-group" in done.stderr
    assert configuration.FILE.read_text() == COMMENTED


def test_given_everyone_must_already_then_a_group_alone_is_refused_and_all_changes_nothing(commented):
    right("require", "--all", "--yes")
    before = configuration.FILE.read_text()
    assert "--off" in admin("require", "--group", "root", "--yes").stderr
    assert "already" in right("require", "--all")
    assert json.loads(right("require", "--all", "--json"))["changed"] is False
    assert configuration.FILE.read_text() == before
    right("require", "--all", "--within", "9d", "--yes")
    assert 'grace = "9d"' in configuration.FILE.read_text()


def test_given_no_time_at_all_then_whoever_types_it_must_have_enrolled_or_force_it(
        commented, neighbor, enrolled):
    for name in (None, neighbor.name):
        done = admin("require", "--all", "--within", "0", "--yes", sudo_user=name)
        assert done.returncode == 1
        assert (name or "root") in done.stderr and "--force" in done.stderr and "twostep enroll" in done.stderr
        assert configuration.FILE.read_text() == COMMENTED
    right("require", "--all", "--within", "0", "--yes", sudo_user=enrolled.name)
    assert 'grace = "0"' in configuration.FILE.read_text()
    configuration.write_text(COMMENTED)
    right("require", "--all", "--within", "0", "--yes", "--force", sudo_user=neighbor.name)
    assert 'grace = "0"' in configuration.FILE.read_text()


def test_given_other_administrators_then_they_are_not_locked_out_either(commented, neighbor, enrolled):
    if subprocess.run(["getent", "group", "sudo"], capture_output=True).returncode:
        subprocess.run(["groupadd", "--system", "sudo"], check=True)
    people.add_to_group(neighbor.name, "sudo")
    try:
        done = admin("require", "--all", "--within", "0", "--yes", sudo_user=enrolled.name)
        assert done.returncode == 1 and neighbor.name in done.stderr
        right("require", "--all", "--within", "1d", "--yes", sudo_user=enrolled.name)
    finally:
        subprocess.run(["gpasswd", "-d", neighbor.name, "sudo"], check=True, capture_output=True)


def test_given_a_change_then_it_is_told_how_many_users_it_concerns(neighbor, enrolled):
    configuration.write(policy={"exempt_users": [neighbor.name]})
    told = json.loads(right("require", "--all", "--within", "0", "--yes", "--force", "--json"))
    rows = [json.loads(line) for line in right("report", "--json").splitlines()]
    users = [row for row in rows if row["orphan"] is None]
    assert told["changed"] and told["added"][-1] == 'grace = "0"'
    assert told["users"] == len(users)
    assert told["required"] == {"before": 0, "after": sum(row["required"] for row in users)}
    assert told["not_enrolled"]["after"] == sum(row["required"] and not row["enrolled"] for row in users)
    assert told["refused"]["before"] == 0
    assert told["refused"]["after"] <= told["not_enrolled"]["after"] - told["exempt"]["after"]
    assert told["exempt"] == {"before": 1, "after": 1}
    assert told["locked_out"] == ["root"]
    text = " ".join(right("require", "--off", "--yes").split())
    assert f"Required of 0, was {told['required']['after']}" in text
    assert "Exempt 1, as before" in text


def test_given_no_terminal_and_no_yes_then_nothing_is_changed(commented):
    done = admin("require", "--all", input="y\n")
    assert done.returncode == 1 and "--yes" in done.stderr
    assert configuration.FILE.read_text() == COMMENTED


def test_given_a_terminal_then_only_yes_puts_it_in_force(commented):
    assert ended(question_of("--all"), "n") == 1
    assert configuration.FILE.read_text() == COMMENTED
    assert ended(question_of("--all"), "y") == 0
    assert "required = true" in configuration.FILE.read_text()


def test_given_a_narrow_terminal_then_the_numbers_fit_it(commented):
    program = terminals.spawn(["twostep", "admin", "require", "--all"], dimensions=(24, 40))
    program.expect(r"\[y/N\] ")
    lines = [line for line in program.before.splitlines() if not line.lstrip().startswith(("-", "+"))]
    assert all(len(line) <= 40 for line in lines), program.before
    program.sendintr()


def test_given_somebody_else_changes_the_file_at_the_question_then_nothing_is_lost(commented):
    program = question_of("--all")
    theirs = COMMENTED + "# theirs\n"
    configuration.write_text(theirs)
    assert ended(program, "y") == 1
    assert "somebody else" in " ".join(program.before.split())
    assert configuration.FILE.read_text() == theirs
    assert sorted(os.listdir(configuration.FILE.parent)) == others()


def others():
    """What is in the folder but for temporary files."""
    return sorted(name for name in os.listdir(configuration.FILE.parent) if not name.startswith(".config"))


def test_given_another_change_is_going_on_then_it_waits_for_nobody(commented):
    folder = os.open("/var/lib/twostep", os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        done = admin("require", "--all", "--yes", "--json")
        assert done.returncode == 1
        assert json.loads(done.stdout)["error"]["reason"] == "busy"
        assert configuration.FILE.read_text() == COMMENTED
    finally:
        os.close(folder)
    right("require", "--all", "--yes")


def test_given_a_user_who_locks_the_folder_then_nobody_has_to_wait(commented, person):
    program = ("import fcntl, os, sys; fcntl.flock(os.open('/etc/twostep', os.O_RDONLY), fcntl.LOCK_EX); "
               "print('locked', flush=True); sys.stdin.read()")
    process = subprocess.Popen(person.command("/usr/bin/python3", "-c", program), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True, cwd="/")
    assert process.stdout.readline() == "locked\n"
    right("require", "--all", "--yes")
    process.communicate("")


def test_given_a_change_then_the_log_has_who_and_what(commented, person, journal):
    right("require", "--all", "--within", "3d", "--yes", sudo_user=person.name)
    line = journal.find("policy-edited")
    for part in (f"admin={person.name}", "by=require", "file=/etc/twostep/config.toml", "required = true", 'grace = \\"3d\\"'):
        assert part in line, (part, line)


def test_given_a_broken_file_then_it_is_refused_with_the_place_and_the_remedy(commented):
    configuration.write_text(COMMENTED.replace("count", "cuont"))
    done = admin("require", "--all", "--yes")
    assert done.returncode == 1
    assert re.search(r"config\.toml .*line 13, column 1", done.stderr) and "twostep admin edit" in done.stderr
    assert "cuont" in configuration.FILE.read_text() and "required" not in configuration.FILE.read_text()


def test_given_no_file_then_the_host_is_not_set_up(commented):
    configuration.FILE.unlink()
    done = admin("require", "--all", "--yes")
    assert done.returncode == 3 and "setup-host" in done.stderr


def test_given_an_impossible_time_then_it_is_wrong_usage(commented):
    for time in ("400d", "1y", "-1d"):
        done = admin("require", "--all", "--within", time, "--yes")
        assert done.returncode == 2, time
    assert configuration.FILE.read_text() == COMMENTED


def test_given_a_full_disk_then_the_file_is_as_it_was(commented):
    done = subprocess.run(["sh", "-c", "ulimit -f 0; twostep admin require --all --yes"], env=terminals.ENVIRONMENT,
                          capture_output=True, text=True, cwd="/")
    assert done.returncode != 0
    assert configuration.FILE.read_text() == COMMENTED
    right("require", "--all", "--yes")      # nothing that is left over is in the way
    assert sorted(os.listdir(configuration.FILE.parent)) == others()


def test_given_no_room_then_the_file_is_as_it_was_and_nothing_is_left(commented):
    with small_disk(configuration.FILE.parent, "size=1m"):
        fill_the_disk(configuration.FILE.parent)
        before = sorted(os.listdir(configuration.FILE.parent))
        done = admin("require", "--all", "--yes")
        assert done.returncode == 1 and "make room" in done.stderr
        assert configuration.FILE.read_text() == COMMENTED
        assert sorted(os.listdir(configuration.FILE.parent)) == before


def test_given_an_administrator_who_is_refused_already_then_nobody_is_locked_out_anew(commented, clock):
    right("require", "--all", "--within", "0", "--yes", "--force")
    clock.advance(2)
    assert json.loads(right("require", "--all", "--within", "0", "--yes", "--json"))["locked_out"] == []


def test_given_whoever_is_not_root_then_it_is_refused(commented, person):
    for words in (["require", "--all", "--yes"], ["edit"]):
        done = person.run("twostep", "admin", *words, input="")
        assert done.returncode == 1 and "sudo" in done.stderr
    assert configuration.FILE.read_text() == COMMENTED


def test_given_a_member_who_is_over_the_time_then_the_login_says_so(person, clock):
    group = f"late{person.uid}"
    subprocess.run(["groupadd", "--system", group], check=True)
    right("require", "--group", group, "--within", "0", "--yes")
    clock.advance(2)
    assert log_in(person).accepted
    people.add_to_group(person.name, group)     # at once
    told = log_in(person, person.password, "123456", service="cs-login")
    assert told.phases in ({"auth": AUTH_ERR}, {"auth": PERM_DENIED})


def test_given_a_file_that_does_not_count_then_require_says_so_and_edit_puts_it_in_force(person):
    configuration.write(policy={"required": False})
    assert log_in(person).accepted
    configuration.FILE.write_text("version = 1\n[policy]\nrequired = true\n")
    configuration.FILE.chmod(0o664)
    refused = admin("require", "--all", "--yes", "--force")
    assert refused.returncode == 1 and "chmod 0644" in refused.stderr, refused
    right("edit", "--yes", env={**terminals.ENVIRONMENT, "EDITOR": "sed -i s/true/true#/"})
    assert not log_in(person).accepted
