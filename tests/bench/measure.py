"""measure.py SIZE FOLDER: measures Twostep and its peers, in the view, for `bench`.

What it stands on, in the order of the work: stage.py makes programs and services, accounts.py Twostep's
accounts, peers.py the peers' files, rooms.py a place for each number of users on the disk and in memory,
series.py the list of all logins. rounds.py, pace.py and weights.py measure them; report.py and chart.py
tell it."""

import json
import os
import shutil
import sys
import time
from pathlib import Path

import accounts
import chart
import figures
import machine
import pace
import peers
import report
import rounds
import series
import stage
import weights
from codes import next_step
from rooms import Room
from series import Login, Plan
from settings import SIZES

# Name, authenticators, application passwords.
USERS = [("alice", 1, 0), ("bob", 1, 0), ("rita", 1, 0), ("dora", 1, 0), ("five", 5, 0),
         ("app1", 1, 1), ("app10", 1, 10), ("app50", 1, 50)]
DAY = 86_400
# A ledger that was born at boot takes no code of its first minutes.
YOUNG = 120
# The only user where there is one.
ALONE = "alice"


def main(size, results):
    settings = SIZES[size]
    wait_for_a_day(settings)
    say("preparing programs and users")
    stage.build()
    users = accounts.make_yesterday(USERS)
    stage.give_password(ALONE)
    make_peers(users, settings)
    make_accounts(settings)
    processors = stage.pin(stage.start_listener())
    places = {place.name: open_rooms(place, users, settings, processors[-1])
              for place in (stage.DISK, stage.MEMORY)}
    next_step()
    data = {"size": size, "machine": machine.described(stage.DISK), "modules": weights.modules(),
            **measured(places, users, settings, processors)}
    write(data, results)
    unexpected = list(figures.unexpected(data))
    for one in unexpected:
        say(f"NOT AS EXPECTED: {one}")
    return 1 if unexpected else 0


def measured(places, users, settings, processors):
    plans = {name: Plan(rooms, users, settings.users).all() for name, rooms in places.items()}
    say(f"at most {settings.rounds} rounds of {sum(map(len, plans.values()))} kinds of login, "
        f"for {settings.patience} seconds")
    say(f"{rounds.run([one for plan in plans.values() for one in plan], settings)} rounds")
    crowd = places["disk"][settings.users[1]]
    say("two processes at once, and one that stays")
    rates = pace.two_at_once(crowd, users, processors, settings.at_once)
    staying = pace.staying(crowd, users["app50"], processors[-1], settings.staying)
    say("system calls, instructions, memory")
    weighed = {one.kind: weights.weigh(one, settings.counted) for one in plans["disk"]
               if one.kind.users <= settings.weighed}
    told = [figures.summary(place, one, weighed.get(one.kind) if place == "disk" else None)
            for place, plan in plans.items() for one in plan]
    return {"series": told, "at_once": rates, "staying": staying, "users": settings.users}


def wait_for_a_day(settings):
    """What is measured goes on within one day: the first login of a day costs more."""
    left = DAY - time.time() % DAY
    if left < settings.lasts:
        say(f"waiting {left:.0f} s for midnight (UTC), since the first login of a day is another one")
        time.sleep(left + 1)


def make_peers(users, settings):
    stage.MEMORY.mkdir()
    stage.run("mount", "-t", "tmpfs", "-o", "size=3g,mode=755", "memory", stage.MEMORY)
    stage.DISK.mkdir()
    both = [users["alice"], users["bob"]]
    folders = [peers.KEPT, peers.PLACE, stage.DISK / "peers", stage.MEMORY / "peers"]
    for folder in folders:
        folder.mkdir()
    peers.write_all([peers.KEPT, *folders[2:]], both, settings.users)
    stage.write_services(peers.oath_services(both, settings.users))


def make_accounts(settings):
    """A store for each number of users, on the disk and in memory."""
    growing = stage.MEMORY / "growing"
    copy(accounts.STATE, growing)
    stage.run("mount", "--bind", growing, accounts.STATE)
    for number in settings.users:
        present = accounts.count(growing)
        if number > present:
            say(f"{number} users of Twostep")
            accounts.fill(present, number)
        for place in (stage.DISK, stage.MEMORY):
            store = place / f"accounts-{number}"
            copy(growing, store)
            if number == 1:
                accounts.keep_only(store, ALONE)
    stage.run("umount", accounts.STATE)
    shutil.rmtree(growing)
    os.sync()


def copy(store, to):
    stage.run("cp", "--archive", store, to)


def open_rooms(place, users, settings, processor):
    rooms = {number: Room(place, number) for number in settings.users}
    wait_until_grown_up()
    for number, room in rooms.items():
        room.open(processor)
        for user in users.values():
            if user.name == ALONE or number == settings.users[1]:
                room.keep_yesterday(user)
                rounds.settle(room, Login, user, series.NO_PASSWORD)
    return rooms


def wait_until_grown_up():
    left = YOUNG - time.clock_gettime(time.CLOCK_BOOTTIME)
    if left > 0:
        time.sleep(left)


def write(data, results):
    (results / "measured.json").write_text(json.dumps(data, indent=1) + "\n")
    (results / "README.md").write_text(report.text(data))
    (results / "chart.svg").write_text(chart.svg(data))


def say(text):
    print(f"[{time.strftime('%H:%M:%S', time.gmtime())}] {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
