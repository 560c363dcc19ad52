"""measure.py SIZE FOLDER: measures Twostep and its peers, in the view, for `bench`.

In the order of the work: stage.py makes programs and services, accounts.py Twostep's accounts, peers.py
the peers' files, rooms.py a place for each store and judge, series.py the list of all logins. pace.py
measures what is not one login after another; figures.py, targets.py and report.py tell it."""

import itertools
import json
import os
import shutil
import sys
import time
from pathlib import Path

import accounts
import figures
import machine
import pace
import peers
import report
import series
import stage
from codes import next_step
from rooms import CONSTANT, NOBODY, Room
from series import DISK, MANY, MEMORY, ONCE
from settings import SIZES

# Names, and their application passwords.
USERS = [("alice", 0), ("rita", 0), ("app50", 50)]
# The only user where there is one.
ALONE = "alice"
DAY = 86_400
# A ledger that was born at boot takes no code of its first minutes.
YOUNG = 120


def main(size, results):
    settings = SIZES[size]
    wait_for_a_day(settings)
    say("preparing programs and users")
    stage.build()
    stage.start_listener()
    users = accounts.make_yesterday(USERS)
    make_peers(users[ALONE])
    rooms = open_rooms(make_stores(settings), users)
    told = machine.described(stage.DISK)
    next_step()
    data = {"size": size, "machine": told, "module": machine.module(), "users": settings.users,
            **measured(rooms, users, settings)}
    for room in rooms.values():
        room.close()
    (results / "measured.json").write_text(json.dumps(data, indent=1) + "\n")
    (results / "README.md").write_text(report.text(data))
    unexpected = list(figures.unexpected(data))
    for one in unexpected:
        say(f"NOT AS EXPECTED: {one}")
    return 1 if unexpected else 0


def measured(rooms, users, settings):
    plan = list(series.plan(rooms, users))
    say(f"at most {settings.rounds} rounds of {len(plan)} kinds of login, for {settings.patience} seconds")
    say(f"{series.run(plan, settings.rounds, settings.warm_up, settings.patience)} rounds")
    say("one process that stays")
    staying = pace.staying(rooms["few"], users["app50"], settings.staying)
    say(f"{pace.AT_ONCE} processes at once")
    races = {"service": pace.races(rooms[DISK], users[ALONE], settings.races),
             "once": pace.races(rooms[ONCE], users[ALONE], settings.races),
             "mixed": pace.races(rooms[DISK], users[ALONE], settings.races, "-o")}
    say("memory, and a busy host")
    seen = list(itertools.islice(accounts.imported(rooms[MANY].store), settings.seen))
    resident = pace.resident(rooms[MANY], seen)
    busy = pace.busy(rooms[DISK], users[ALONE], settings.busy)
    return {"series": [figures.summary(one) for one in plan], "staying": staying, "races": races,
            "at_once": pace.AT_ONCE, "resident": resident, "busy": [figures.summary(one) for one in busy]}


def wait_for_a_day(settings):
    """What is measured goes on within one day: the first login of a day costs more."""
    left = DAY - time.time() % DAY
    if left < settings.lasts:
        say(f"waiting {left:.0f} s for midnight (UTC), since the first login of a day is another one")
        time.sleep(left + 1)


def make_peers(user):
    stage.MEMORY.mkdir()
    stage.run("mount", "-t", "tmpfs", "-o", "size=3g,mode=755", "memory", stage.MEMORY)
    stage.DISK.mkdir()
    for folder in (peers.KEPT, stage.DISK / "peers", stage.MEMORY / "peers"):
        folder.mkdir()
        peers.write(folder, user)
    peers.PLACE.mkdir()


def make_stores(settings):
    """A store for each room, by the room's name. The many users are made in memory: each is synced."""
    places = {DISK: stage.DISK, MEMORY: stage.MEMORY, "few": stage.DISK, ONCE: stage.DISK, "floor": stage.DISK}
    stores = {name: place / name.replace(" ", "-") for name, place in places.items()}
    for store in stores.values():
        copy(accounts.STATE, store)
    for name in (DISK, MEMORY, ONCE):
        accounts.keep_only(stores[name], ALONE)
    say(f"{settings.users} users of Twostep")
    growing, stores[MANY] = stage.MEMORY / "growing", stage.DISK / "many"
    copy(accounts.STATE, growing)
    stage.run("mount", "--bind", growing, accounts.STATE)
    accounts.fill(growing, settings.users)
    stage.run("umount", accounts.STATE)
    copy(growing, stores[MANY])
    shutil.rmtree(growing)
    os.sync()
    return stores


def copy(store, to):
    stage.run("cp", "--archive", store, to)


def open_rooms(stores, users):
    time.sleep(max(YOUNG - time.clock_gettime(time.CLOCK_BOOTTIME), 0))
    judges = {ONCE: (NOBODY,), "floor": (CONSTANT,)}
    rooms = {name: Room(store.name, store.parent, store, *judges.get(name, ())) for name, store in stores.items()}
    for name in (DISK, MEMORY, ONCE, MANY):
        series.settle(rooms[name], users[ALONE], "twostep", users[ALONE].device.right())
    few, rita, app50 = rooms["few"], users["rita"], users["app50"]
    series.settle(few, rita, "twostep", rita.device.right())
    series.settle(few, app50, "mail", app50.passwords[-1])
    return rooms


def say(text):
    print(f"[{time.strftime('%H:%M:%S', time.gmtime())}] {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
