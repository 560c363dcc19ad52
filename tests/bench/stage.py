"""What the view needs before anything is measured: programs, services, users, a listener."""

import ctypes
import os
import subprocess
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
FOLDER = Path("/srv/bench")
CLIENT = FOLDER / "client"
RATE = FOLDER / "rate"
# State in memory, and on the disk: see `bench`.
MEMORY, DISK = FOLDER / "memory", Path("/mnt/disk")
PASSWORD = "right horse"

GOOGLE = "auth required pam_google_authenticator.so secret=/srv/bench/peers/google/${USER}/state"
OATH = "auth required pam_oath.so usersfile=/srv/bench/peers/{file} window=1 digits=6"
SERVICES = {
    "empty": "auth required pam_permit.so",
    "unix": "auth required pam_unix.so nodelay",
    "google": GOOGLE,
    "google-noskewadj": f"{GOOGLE} noskewadj",
    # As the shipped services have it: right below the first step.
    "twostep": "auth required pam_twostep.so after_first_step",
    "mail": "auth [success=done ignore=ignore default=die] pam_twostep.so mode=app_password\n"
            "auth requisite pam_deny.so",
}


def build():
    """Installs what is measured and makes what measures it."""
    FOLDER.mkdir()
    run("make", "--no-print-directory", "-s", "-C", TOP, "install", stdout=subprocess.DEVNULL)
    compile_program(CLIENT, *(HERE / name for name in ("client.c", "attempt.c", "put_back.c")), "-lpam")
    compile_program(FOLDER / "sink", HERE / "sink.c")
    compile_program(RATE, TOP / "tests/programs/rate.c", "-lpam")
    libraries = Path(run("gcc", "-print-file-name=libpam.so", stdout=subprocess.PIPE).stdout.strip()).parent
    compile_program(libraries / "libnss_many.so.2", "-shared", "-fPIC", HERE / "nss_many.c")
    shim = Path("/usr/lib/twostep-test/timeshim.so")
    shim.parent.mkdir()
    compile_program(shim, "-shared", "-fPIC", TOP / "tests/view/timeshim.c")
    run("ldconfig")
    Path("/etc/nsswitch.conf").write_text("passwd: files many\ngroup: files\nshadow: files\n")


def compile_program(target, *words):
    run("gcc", "-O2", "-Wall", "-Wextra", "-o", target, *words)


def run(*words, **options):
    return subprocess.run([str(word) for word in words], check=True, text=True, **options)


def start_listener():
    """It ends with the view."""
    listener = subprocess.Popen([FOLDER / "sink"], stdin=subprocess.DEVNULL)
    deadline = time.monotonic() + 5
    while not Path("/dev/log").exists():
        assert time.monotonic() < deadline, "the listener at /dev/log did not start"
        time.sleep(0.01)
    return listener.pid


def write_services(oath_files):
    folder = FOLDER / "pam.d"
    folder.mkdir()
    oath = {name: OATH.format(file=name) for name in oath_files}
    for name, text in {**SERVICES, **oath}.items():
        (folder / name).write_text(text + "\n")


def yescrypt(password):
    """The hash that Debian gives a new password."""
    crypt = ctypes.CDLL("libcrypt.so.1").crypt
    crypt.restype = ctypes.c_char_p
    return crypt(password.encode(), b"$y$j9T$F5Jx5fExrKuPp53xLKQ..1$").decode()


def give_password(name):
    """The one user who has a password as Debian would store it."""
    shadow = Path("/etc/shadow")
    lines = [line.split(":") for line in shadow.read_text().splitlines()]
    for line in lines:
        if line[0] == name:
            line[1] = yescrypt(PASSWORD)
    shadow.write_text("".join(":".join(line) + "\n" for line in lines))


def pin(listener):
    """Keeps one processor for the logins, where there are two: this program and the listener get the
    others. Gives all of them, that one last."""
    processors = sorted(os.sched_getaffinity(0))
    for process in (0, listener):
        os.sched_setaffinity(process, processors[:-1] or processors)
    return processors
