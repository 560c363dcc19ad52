"""Groups: who is required or exempt by them, as the user database says it at each login."""

import grp
import json
import subprocess
from pathlib import Path

import pytest

import attempts
import configuration
import policies
from attempts import log_in
from people import PASSWORD

NSSWITCH = Path("/etc/nsswitch.conf")
# A service of the user database that does not answer.
DOWN = """
#include <errno.h>
#include <grp.h>
#include <nss.h>
enum nss_status _nss_broken_getgrnam_r(const char *name, struct group *group, char *room, size_t size, int *error)
{
	(void)name, (void)group, (void)room, (void)size;
	*error = ECONNREFUSED;
	return NSS_STATUS_UNAVAIL;
}
"""


@pytest.fixture
def group(person):
    """A group that nobody is in yet."""
    return policies.make_group(f"of-{person.name}")


@pytest.fixture
def broken_group_database(tmp_path):
    """Groups come from a directory service that is down."""
    source, module = tmp_path / "nss.c", Path("/usr/lib/libnss_broken.so.2")
    source.write_text(DOWN)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", module, source], check=True)
    kept = NSSWITCH.read_bytes()
    lines = NSSWITCH.read_text().splitlines()
    NSSWITCH.write_text("\n".join("group: broken" if line.startswith("group:") else line for line in lines) + "\n")
    yield
    NSSWITCH.write_bytes(kept)


def join(person, group):
    change_members(group, lambda members: [*members, person.name])


def leave(person, group):
    change_members(group, lambda members: [name for name in members if name != person.name])


def change_members(group, change):
    def changed(line):
        name, password, gid, members = line.split(":")
        members = change([one for one in members.split(",") if one])
        return f"{name}:{password}:{gid}:{','.join(members)}"

    lines = policies.GROUPS.read_text().splitlines()
    new = policies.GROUPS.with_suffix(".new")
    new.write_text("".join(f"{changed(line) if line.startswith(group + ':') else line}\n" for line in lines))
    new.chmod(0o644)
    new.rename(policies.GROUPS)


def is_refused(person):
    told = log_in(person)
    assert told.prompts == []
    return told.phases == {"auth": attempts.AUTH_ERR}


def test_given_a_required_group_then_joining_and_leaving_it_count_at_the_next_login(person, group, journal):
    configuration.write(policy={"required_groups": ["no-such-group", group]})
    assert not is_refused(person)
    journal.find(f"user={person.name}", "rule=not-enrolled")
    join(person, group)
    assert is_refused(person)
    leave(person, group)
    assert not is_refused(person)


def test_given_an_exempt_group_then_joining_and_leaving_it_count_at_the_next_login(enrolled, group, journal):
    configuration.write(policy={"required": True, "exempt_groups": [group]})
    assert log_in(enrolled, enrolled.phone.fresh()).asked
    join(enrolled.person, group)
    told = log_in(enrolled, enrolled.phone.fresh())
    assert told.accepted and not told.asked
    journal.find(f"user={enrolled.name}", "rule=exempt-group", f"group={group}")
    leave(enrolled.person, group)
    assert log_in(enrolled, enrolled.phone.fresh()).asked


def test_given_the_primary_group_then_it_counts_without_a_list_of_members(person, neighbor):
    own = grp.getgrgid(person.uid).gr_name
    configuration.write(policy={"required_groups": [own]})
    assert is_refused(person)
    assert not is_refused(neighbor)


@pytest.mark.parametrize("among", [0, 299])
def test_given_many_groups_then_each_counts(person, among):
    groups = [policies.make_group(f"many-{person.name}-{number}", [person.name]) for number in range(300)]
    configuration.write(policy={"required_groups": [groups[among]]})
    assert is_refused(person)
    configuration.write(policy={"required": True, "exempt_groups": ["no-such-group", groups[among]]})
    assert not is_refused(person)


def test_given_a_required_group_then_who_is_enrolled_is_asked_in_or_out_of_it(enrolled, group):
    configuration.write(policy={"required_groups": [group]})
    assert log_in(enrolled, enrolled.phone.fresh()).asked


def test_given_a_required_group_and_a_date_then_its_members_have_the_time(person, neighbor, group, clock):
    join(person, group)
    policy = {**policies.dated(clock.now(), left=3 * policies.DAY + 300), "required_groups": [group]}
    configuration.write(policy={**policy, "required": False})
    assert any("3 days" in message for message in log_in(person).messages)
    assert log_in(neighbor).messages == []


def test_given_a_broken_group_database_then_everyone_is_required_and_nobody_exempt(
        enrolled, neighbor, group, broken_group_database):
    join(enrolled.person, group)
    configuration.write(policy={"required_groups": ["admins"], "exempt_groups": [group]})
    told = log_in(enrolled, enrolled.phone.fresh())
    assert told.accepted and told.asked
    assert is_refused(neighbor)
    rows = {row["user"]: row for row in map(json.loads, policies.admin("report", "--json").stdout.splitlines())}
    assert (rows[neighbor.name]["required"], rows[neighbor.name]["overdue"]) == (True, True)
    assert rows[enrolled.name]["exempt"] is None


def test_given_no_groups_in_the_policy_then_a_broken_group_database_disturbs_nobody(
        enrolled, neighbor, broken_group_database):
    assert log_in(enrolled, PASSWORD, enrolled.phone.fresh(), service="cs-login").accepted
    assert not is_refused(neighbor)
