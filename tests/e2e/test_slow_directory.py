"""A directory that takes long for names that it does not know, and somebody who asks for such names all the
time: nobody else waits for it."""

import subprocess
from pathlib import Path

import pytest

import judges
import people
import service
from attempts import log_in

FOLDER = Path("/usr/lib/twostep-test/nss")
NSSWITCH = Path("/etc/nsswitch.conf")
# Of the C library's interface for its switch: success is 1, not found 0 (nss(5)).
MODULE = """
#include <errno.h>
#include <nss.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

enum nss_status _nss_slow_getpwnam_r(const char *name, struct passwd *entry, char *buffer, size_t size, int *error)
{
	(void)entry, (void)buffer, (void)size;
	if (!strncmp(name, "ghost", 5))
		sleep(6);
	*error = ENOENT;
	return NSS_STATUS_NOTFOUND;
}
"""
ASKS = """
import secrets, sys
import call
number = 0
while True:
    number += 1
    login = {"phase": "auth", "attempt": secrets.token_hex(16), "user": f"ghost{number}", "service": "cs-code"}
    try:
        call.call(sys.argv[1], {"login": login})
    except OSError:
        pass
    print(number, flush=True)
"""


@pytest.fixture
def slow_directory(view, monkeypatch):
    FOLDER.mkdir(exist_ok=True)
    source = FOLDER / "slow.c"
    source.write_text(MODULE, encoding="ascii")
    subprocess.run(["cc", "-Wall", "-Wextra", "-shared", "-fPIC", "-o", FOLDER / "libnss_slow.so.2", source], check=True)
    before = NSSWITCH.read_text(encoding="utf-8") if NSSWITCH.exists() else None
    NSSWITCH.write_text("passwd: files slow\ngroup: files\nshadow: files\n", encoding="utf-8")
    service.stop()
    with monkeypatch.context() as patch:
        patch.setenv("LD_LIBRARY_PATH", str(FOLDER))
        service.start()
    yield
    service.stop()
    NSSWITCH.unlink()
    if before is not None:
        NSSWITCH.write_text(before, encoding="utf-8")
    service.start()


def test_given_a_user_who_asks_for_slow_names_then_others_are_served(slow_directory, enrolled, journal):
    line = people.add().command("env", f"PYTHONPATH={Path(__file__).parent}", "/usr/bin/python3", "-B", "-c", ASKS,
                                str(service.USER))
    asks = subprocess.Popen(line, stdout=subprocess.PIPE, cwd="/")
    try:
        for _ in range(4):
            assert asks.stdout.readline()
        for _ in range(5):
            journal.mark()
            assert log_in(enrolled, enrolled.phone.fresh()).accepted
            judges.assert_by_the_service(journal.find("accepted", f"user={enrolled.name}"))
            journal.mark()
            assert log_in(enrolled, enrolled.phone.fresh(), run_as=enrolled.person).accepted
            judges.assert_by_it(journal.find("accepted", f"user={enrolled.name}"))
    finally:
        asks.kill()
        asks.wait()
