"""The judge of a login in trouble: the resident service stopped, ended or without its sockets, and who
has judged."""

import json
import os
import re
import select
import signal
import socket
import struct
import subprocess
import threading
from contextlib import ExitStack, contextmanager
from pathlib import Path

import call
import service
import syscalls

JUDGE = re.compile(r"twostepd\[(\d+)\]: ")
CHROOT = Path("/run/twostep-view/chroot")
# What the service may take of a host, whatever it is asked (KiB).
MOST_MEMORY = 32 * 1024


def of(line):
    """The process that has written this line of the log."""
    return int(JUDGE.search(line).group(1))


def assert_by_the_service(line):
    """Where root's programs do without it, it was another process."""
    assert (of(line) == service.process().pid) == (not service.IS_ONCE), line


def assert_by_it(line):
    assert of(line) == service.process().pid, line


def assert_once(line):
    assert service.process() is None or of(line) != service.process().pid, line


def state(pid):
    """One letter: T is stopped (proc_pid_stat(5))."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]


@contextmanager
def stopped(pid=None):
    """The service stands still."""
    pid = pid or service.process().pid
    os.kill(pid, signal.SIGSTOP)
    try:
        service.wait_for(lambda: state(pid) == "T")
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def gone():
    """There is no service."""
    service.stop()
    try:
        yield
    finally:
        service.start()


def kill():
    """Ends the service in the middle of whatever it does, and waits for its end."""
    service.process().kill()
    service.process().wait(timeout=30)


def ensure():
    """Starts the service if it has ended, as an init system does, and waits until it answers."""
    def is_served():
        if has_ended():
            service.start()
        return is_answering()
    service.wait_for(is_served)


def renew():
    """A service that has answered nothing yet, so that the same request makes the same calls: a worker keeps
    directories and files of the requests before."""
    if not has_ended():
        kill()
    ensure()


def has_ended():
    return service.process() is None or service.process().poll() is not None


def is_answering():
    """Root is refused there, and it is an answer."""
    try:
        return call.call(service.USER, {"status": {}}) is not None
    except OSError:
        return False


class Once:
    """The program that root's processes execute where the service does not answer, with one request, run
    under this prefix."""

    def __init__(self, request, prefix=()):
        self.connection, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen([*prefix, service.PROGRAM, "--once"], stdin=theirs, cwd="/")
        self.connection.sendall(call.framed(request))

    def response(self):
        """None if it ends without one."""
        with self.connection:
            try:
                while (response := call.receive(self.connection)) and "wait" in response:
                    pass
            except ConnectionResetError:
                response = None
            self.process.wait(timeout=60)
            return response


def once(request, prefix=()):
    return Once(request, prefix).response()


def calls_of_once(request, trace_file):
    """The calls of the thread of it that judges."""
    once(request, ["strace", "-f", "-o", str(trace_file)])
    return syscalls.judging(syscalls.places_in(trace_file))


class Standing(Once):
    """One that is stopped at one of its calls."""

    def __init__(self, request, place, told):
        self.told = Path(told)
        self.told.touch()
        super().__init__(request, syscalls.with_fault(place, "signal=SIGSTOP", [], told))
        service.wait_for(lambda: syscalls.stands(told))
        self.pid = int(self.told.read_text(encoding="utf-8", errors="replace").split()[0])

    def is_stopped(self):
        return Path(f"/proc/{self.pid}").exists() and state(self.pid) in "tT"

    def go_on(self):
        """Lets it go on to its end, if nobody has ended it; its answer."""
        self.send(signal.SIGCONT)
        return self.response()

    def end(self):
        self.send(signal.SIGKILL)
        self.response()

    def send(self, number):
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            pass


class Stranger(threading.Thread):
    """Somebody else at the sockets of a service that has ended: one that takes no connection, hangs up on
    each, or answers each with this."""

    def __init__(self, hangs_up=False, answer=None):
        super().__init__(daemon=True)
        self.hangs_up, self.answer, self.is_over = hangs_up, answer, threading.Event()

    def __enter__(self):
        paths = (service.ADMIN, service.USER) if service.IS_ONCE else (service.LOGIN, service.ADMIN, service.USER)
        self.listeners = [self.listen(path) for path in paths]
        self.start()

    def __exit__(self, *_):
        self.is_over.set()
        self.join()
        for listener in self.listeners:
            listener.close()

    @staticmethod
    def listen(path):
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        path.chmod(0o666)
        listener.listen()
        return listener

    def run(self):
        """One after the other, as they come."""
        while not self.is_over.is_set():
            ready, _, _ = select.select(self.listeners if self.hangs_up or self.answer else [], [], [], 0.01)
            for listener in ready:
                connection, _ = listener.accept()
                with connection:
                    if self.answer:
                        call.receive(connection)
                        text = json.dumps(self.answer).encode()
                        connection.sendall(struct.pack(">I", len(text)) + text)


def syslog():
    """The process that catches what is logged."""
    found = [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/cmdline")
             if b"tests/view/syslog" in path.read_bytes()]
    (pid,) = found
    return pid


@contextmanager
def hanging_directory():
    """For the service /etc/passwd is a pipe that nobody writes to."""
    pipe = Path("/run/twostep-view/pipe")
    os.mkfifo(pipe)
    service.stop()
    service.start("unshare", "--mount", "sh", "-c", f'mount --bind {pipe} /etc/passwd && exec "$@"', "sh")
    try:
        yield
    finally:
        kill()
        pipe.unlink()
        service.start()


@contextmanager
def chroot_with(path):
    """A root directory of libraries, the configuration of the host, and this file."""
    with ExitStack() as undo:
        for source in (*map(Path, ("/etc", "/lib", "/lib64", "/usr/lib", "/run/twostep-clock")), path):
            place = CHROOT / source.relative_to("/")
            if source.is_dir():
                place.mkdir(parents=True, exist_ok=True)
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.touch()
            subprocess.run(["mount", "--bind", source, place], check=True)
            undo.callback(subprocess.run, ["umount", "--lazy", place], check=True)
        yield ["chroot", str(CHROOT)]


def memory():
    """What the service has in memory now, in KiB."""
    status = Path(f"/proc/{service.process().pid}/status").read_text(encoding="ascii")
    return int(re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE).group(1))
