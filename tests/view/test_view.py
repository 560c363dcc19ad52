"""The view keeps what it promises: the machine stays as it is, and programs in it find what they
find on a host."""

import os
import subprocess
import time
from pathlib import Path

import pexpect

from views import ENTER, TOP, in_view, lines

SHIM = """
cc -O2 -Wall -Wextra -Werror -shared -fPIC -o /usr/lib/timeshim.so "$TOP/tests/view/timeshim.c"
echo /usr/lib/timeshim.so >/etc/ld.so.preload
clock=$TOP/tests/view/clock
"""


def test_what_is_written_in_a_view_never_reaches_the_machine():
    places = ["/etc", "/home", "/root", "/tmp", "/usr", "/var", "/opt", "/srv", "/run", "/dev/shm"]
    name = f"twostep-view-test-{os.getpid()}"
    written = lines(f"for d in {' '.join(places)}; do echo x >$d/{name}; cat $d/{name}; done; "
                    "useradd -m twostepviewtest && getent passwd twostepviewtest")
    assert written[:-1] == ["x"] * len(places)
    assert not [place for place in places if Path(place, name).exists()]
    assert "twostepviewtest" not in Path("/etc/passwd").read_text()


def test_the_exit_status_is_the_commands():
    assert in_view("exit 7").returncode == 7


def test_there_is_no_network_but_loopback():
    assert lines("ls /sys/class/net >/dev/null; ip -o link | cut -d: -f2 | xargs") == ["lo"]
    assert lines("ip -o -4 addr show up | grep -c 127.0.0.1/8") == ["1"]


def test_the_command_reads_its_standard_input():
    done = subprocess.run([ENTER, "cat"], input="hello\n", capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "hello\n")


def test_a_command_at_a_terminal_has_a_terminal_of_the_view():
    shell = pexpect.spawn(str(ENTER), ["bash", "-c", "tty; tty </dev/tty; stty size; ls /dev/pts"],
                          encoding="utf-8", dimensions=(33, 99), cwd=str(TOP))
    shell.expect(pexpect.EOF)
    assert shell.before.split() == ["/dev/pts/0", "/dev/tty", "33", "99", "0", "ptmx"]


def alive(mark):
    done = subprocess.run(["pgrep", "-f", f"^sleep {mark}$"], capture_output=True)
    return done.returncode == 0


def test_every_process_of_a_view_dies_with_it():
    for signal in ("-TERM", "-KILL"):
        mark = f"{os.getpid()}{time.monotonic_ns()}"
        view = subprocess.Popen([ENTER, "bash", "-c", f"sleep {mark} & sleep {mark}"])
        deadline = time.monotonic() + 10
        while not alive(mark):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        subprocess.run(["kill", signal, str(view.pid)], check=True)
        view.wait()
        while alive(mark):
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_an_ordinary_user_is_told_to_become_root():
    done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                           "bash", ENTER, "true"], capture_output=True, text=True)
    assert done.returncode != 0 and "only root" in done.stderr


def test_the_clocks_move_for_running_and_for_setuid_programs():
    told = lines(SHIM + """
        useradd -m alice && echo 'alice ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/alice
        show='import time; print(*(int(time.clock_gettime(c)) for c in
              (time.CLOCK_REALTIME, time.CLOCK_BOOTTIME, time.CLOCK_MONOTONIC)))'
        python=/usr/bin/python3
        $python -c "$show"
        $clock realtime -7200; $clock boottime 600; $python -c "$show"
        $clock advance 86400; $python -c "$show"
        setpriv --reuid=alice --regid=alice --init-groups sudo date +%s
        $clock reset; $python -c "$show"
    """)
    machine, moved, later, by_sudo, back = ([int(word) for word in line.split()] for line in told)
    near = lambda a, b: abs(a - b) <= 5
    assert near(moved[0], machine[0] - 7200) and near(moved[1], machine[1] + 600)
    assert near(later[0], machine[0] + 79200) and near(later[1], machine[1] + 87000)
    assert near(by_sudo[0], later[0])
    assert all(near(a, b) for a, b in zip(back, machine))
    assert near(moved[2], machine[2]) and near(later[2], machine[2])


def test_reading_the_clock_leaves_errno_and_descriptors_alone():
    told = lines(SHIM + r"""
        cat >/run/probe.c <<'END'
        #include <errno.h>
        #include <stdio.h>
        #include <sys/resource.h>
        #include <sys/time.h>
        #include <time.h>
        #include <unistd.h>
        int main(void) {
            struct timespec s; struct timeval v; struct rlimit none = { 3, 3 };
            time_t before = time(NULL);
            errno = 77;
            for (int i = 0; i < 5000; i++) {
                clock_gettime(CLOCK_REALTIME, &s); gettimeofday(&v, NULL); time(NULL);
                clock_gettime(CLOCK_BOOTTIME, &s);
            }
            printf("%d %d\n", errno, dup(0));
            close(3);
            setrlimit(RLIMIT_NOFILE, &none);
            printf("%d\n", time(NULL) - before < 60 && time(NULL) >= before);
            return 0;
        }
END
        cc -o /run/probe /run/probe.c && $clock realtime 5000 && /run/probe 0</dev/null 3<&-
        rm -r /run/twostep-clock; /run/probe 0</dev/null 3<&-
    """)
    assert told == ["77 3", "1", "77 3", "1"]


def test_the_catcher_writes_one_line_for_each_message():
    told = lines("""
        "$TOP/tests/view/syslog" /run/log & while [ ! -S /dev/log ]; do sleep 0.02; done
        logger --priority authpriv.notice --tag demo "$(printf 'one\\ntwo \\033[1m')"
        logger --priority mail.err --tag demo three
        while [ "$(wc -l </run/log)" -lt 2 ]; do sleep 0.02; done
        cat /run/log
    """)
    assert told == [r"authpriv.notice demo: one\x0atwo \x1b[1m", "mail.err demo: three"]
