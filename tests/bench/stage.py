"""What the view needs before anything is measured: programs, services, a listener."""

import os
import subprocess
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
FOLDER = Path("/srv/bench")
CLIENT, FLOOR, RACE, RATE, SINK = (FOLDER / name for name in ("client", "floor", "race", "rate", "sink"))
STACKS = FOLDER / "pam.d"
SERVICE = "/usr/libexec/twostep/twostepd"
# State in memory, and on the disk: see `bench`.
MEMORY, DISK = FOLDER / "memory", Path("/mnt/disk")
# Two for each processor keep a host busy.
LOOPS = 2

SERVICES = {
    "empty": "auth required pam_permit.so",
    "google": "auth required pam_google_authenticator.so secret=/srv/bench/peers/google/${USER}/state",
    "oath": "auth required pam_oath.so usersfile=/srv/bench/peers/oath window=1 digits=6",
    # As the shipped services have it: right below the first step.
    "twostep": "auth required pam_twostep.so after_first_step",
    "mail": "auth [success=done ignore=ignore default=die] pam_twostep.so mode=app_password\n"
            "auth requisite pam_deny.so",
    "race": "auth required pam_twostep.so after_first_step\naccount required pam_permit.so",
}


def build():
    """Installs what is measured and makes what measures it."""
    FOLDER.mkdir()
    run("make", "--no-print-directory", "-s", "-C", TOP, "install", stdout=subprocess.DEVNULL)
    compile_program(CLIENT, HERE / "client.c", HERE / "put_back.c", "-lpam")
    compile_program(FLOOR, HERE / "floor.c")
    compile_program(SINK, HERE / "sink.c")
    compile_program(RACE, TOP / "tests/programs/race.c", "-lpam")
    compile_program(RATE, TOP / "tests/programs/rate.c", "-lpam")
    libraries = Path(run("gcc", "-print-file-name=libpam.so", stdout=subprocess.PIPE).stdout.strip()).parent
    compile_program(libraries / "libnss_many.so.2", "-shared", "-fPIC", HERE / "nss_many.c")
    shim = Path("/usr/lib/twostep-test/timeshim.so")
    shim.parent.mkdir()
    compile_program(shim, "-shared", "-fPIC", TOP / "tests/view/timeshim.c")
    run("ldconfig")
    Path("/etc/nsswitch.conf").write_text("passwd: files many\ngroup: files\nshadow: files\n")
    STACKS.mkdir()
    for name, text in SERVICES.items():
        (STACKS / name).write_text(text + "\n")


def compile_program(target, *words):
    run("gcc", "-O2", "-Wall", "-Wextra", "-o", target, *words)


def run(*words, **options):
    return subprocess.run([str(word) for word in words], check=True, text=True, **options)


def start_listener():
    """What programs log goes to it. It ends with the view."""
    subprocess.Popen([SINK], stdin=subprocess.DEVNULL)
    wait_for(Path("/dev/log").exists, "the listener at /dev/log")


def wait_for(is_so, what):
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline, f"{what} did not start"
        time.sleep(0.01)


def keep_busy():
    """Loops that want every processor for themselves."""
    return [subprocess.Popen(["sh", "-c", "while :; do :; done"], stdin=subprocess.DEVNULL)
            for _ in range(LOOPS * os.cpu_count())]
