"""Users who keep the open socket busy: nobody else's login waits for them, and the service stays small."""

import json
import subprocess
import time
from pathlib import Path

import pytest

import judges
import people
import service
from attempts import log_in

FLOODER = Path(__file__).with_name("flooder.py")
# How many connections each of them makes.
CONNECTIONS = 1000
# These hold their places until the service has lost its patience, two of them at a time.
SLOW = ("silent", "half", "slow")
KINDS = (*SLOW, "garbage", "huge", "deaf")


class Flooding:
    """Users who flood, all at once, for as long as this lasts."""

    def __init__(self, kind, users):
        self.kind = kind
        self.lines = [people.add().command("/usr/bin/python3", "-B", str(FLOODER), str(service.USER), kind,
                                           str(CONNECTIONS)) for _ in range(users)]

    def __enter__(self):
        self.running = [subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/")
                        for line in self.lines]
        for process in self.running:
            process.stderr.readline()
        if self.kind in SLOW:
            service.wait_for(self.is_full)
        return self

    @staticmethod
    def is_full():
        """The kernel lists a socket of the service for each connection that it has taken."""
        return len(list(Path(f"/proc/{service.process().pid}/fd").iterdir())) > 12

    def __exit__(self, *_):
        for process in self.running:
            process.kill()
            process.communicate()

    def came(self, is_over):
        """What became of the connections of each, when all have come to their end, or now."""
        for process in self.running if is_over else ():
            process.terminate()
        return [json.loads(process.communicate(timeout=300)[0]) for process in self.running]

    def is_on(self):
        return all(process.poll() is None for process in self.running)


def seconds(act):
    begun = time.monotonic()
    act()
    return time.monotonic() - begun


@pytest.mark.parametrize("users", [1, 10], ids=["one user", "ten users"])
@pytest.mark.parametrize("kind", KINDS)
def test_given_users_who_flood_the_open_socket_then_logins_of_roots_programs_are_served(
        enrolled, journal, kind, users, record_property):
    before = service.process().pid

    def is_served():
        journal.mark()
        assert log_in(enrolled, enrolled.phone.fresh()).accepted
        judges.assert_by_the_service(journal.find("accepted", f"user={enrolled.name}"))

    quiet = min(seconds(is_served) for _ in range(3))
    with Flooding(kind, users) as flooding:
        flooded = min(seconds(is_served) for _ in range(3))
        came = flooding.came(is_over=kind in SLOW)
        assert judges.memory() < judges.MOST_MEMORY
    record_property("ratio", f"{flooded / quiet:.2f}")
    print(f"flood of {users}, {kind}: {flooded / quiet:.2f} times as long, {judges.memory()} KiB, {came}")
    for of_one in came:
        assert set(of_one) <= {"refused", "closed", "not taken", "not read"}
        assert kind in SLOW or sum(of_one.values()) == CONNECTIONS
    assert service.process().pid == before and service.process().poll() is None
    service.wait_for(lambda: log_in(enrolled, enrolled.phone.fresh(), run_as=enrolled.person).accepted)


def test_given_a_user_with_many_silent_connections_then_other_users_are_served(enrolled, journal):
    with Flooding("silent", 1) as flooding:
        assert log_in(enrolled, enrolled.phone.fresh(), run_as=enrolled.person).accepted
        assert flooding.is_on()
    judges.assert_by_it(journal.find("accepted", f"user={enrolled.name}"))
