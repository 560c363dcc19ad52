"""The module in hosts that load it again and again, run many threads or have children of their own, under
AddressSanitizer, and what the linker made of it and of the programs."""

import os
import re
import subprocess
from pathlib import Path

import pytest

import attempts
import judges
import service
from attempts import BUILT, log_in
from test_module import module, output, soak  # noqa: F401  pylint: disable=unused-import

TWOSTEP = Path("/usr/bin/twostep")
TIMES = 1000
THREADS = 16
PROGRAMS = Path(__file__).parent.parent / "programs"


def test_given_a_module_that_is_loaded_and_dropped_a_thousand_times_then_nothing_is_left_behind(
        module, enrolled):  # noqa: F811
    out = output(BUILT / "reload", "-s", "cs-code", "-u", enrolled.name, "-n", str(TIMES), module)
    told = dict(line.split() for line in out.splitlines())
    assert int(told["loaded"]) == TIMES
    assert [int(told[name]) for name in ("mappings", "fds", "threads")] == [0, 0, 0]
    assert int(told["resident"]) < 512      # KiB
    assert log_in(enrolled, enrolled.phone.fresh()).accepted


def threads(*pairs, logins=1):
    words = [str(BUILT / "threads"), "-s", "cs-code", "-n", str(logins)]
    for person, answer in pairs:
        words += [person.name, answer]
    return [int(line) for line in output(*words).split()]


def test_given_threads_of_one_process_with_users_of_their_own_then_all_get_in(enroll_another):
    everybody = [enroll_another() for _ in range(THREADS)]
    for _ in range(3):
        assert threads(*((one, one.phone.fresh()) for one in everybody)) == [1] * THREADS


def test_given_one_code_in_sixteen_threads_of_one_process_then_exactly_one_gets_in(enroll_another):
    for _ in range(10):
        somebody = enroll_another()
        assert sum(threads(*[(somebody, somebody.phone.fresh())] * THREADS)) == 1


def test_given_threads_that_log_in_over_and_over_then_each_code_counts_once(enroll_another):
    everybody = [enroll_another() for _ in range(4)]
    pairs = [(one, code) for one in everybody for code in [one.phone.fresh()] * 4]
    assert sum(threads(*pairs, logins=25)) == len(everybody)


CHILDREN = {"nothing of its own": (), "a handler that reaps everything": ("-c", "reap"),
            "SIGCHLD ignored": ("-c", "ignore"), "children that nobody waits for": ("-c", "nowait")}
HABITS = {"": (), ", no descriptors 0 to 2": ("-x",), ", threads": ("-T",), ", no descriptors and threads": ("-x", "-T")}
OF_A_NAMESPACE = ["unshare", "--pid", "--fork", "--mount-proc"]


def hosted(folder, habits, *pairs, prefix=()):
    """What the program `host` says of itself after these logins: (accepted, signals, what has changed)."""
    told = folder / "told"
    line = [*prefix, str(BUILT / "host"), "-s", "cs-code", "-o", str(told), *habits]
    for somebody, answer in pairs:
        line += [somebody.name, answer]
    done = subprocess.run(line, capture_output=True, timeout=120, cwd="/", check=False)
    assert done.returncode == 0, done
    said = [line.split(" ", 1) for line in told.read_text().splitlines()]
    counts = {name: int(value) for name, value in said if name != "changed"}
    return counts["accepted"], counts["signals"], [value for name, value in said if name == "changed"]


@pytest.mark.parametrize("children", CHILDREN.values(), ids=CHILDREN.keys())
@pytest.mark.parametrize("habit", HABITS.values(), ids=HABITS.keys())
@pytest.mark.parametrize("prefix", [(), OF_A_NAMESPACE], ids=["", "as pid 1"])
def test_given_a_host_with_children_signals_and_descriptors_of_its_own_then_it_finds_them_as_they_were(
        enroll_another, journal, tmp_path, children, habit, prefix):
    """By `twostepd --once`, which is a process of the host's for a while."""
    everybody = [enroll_another() for _ in range(3)]
    with judges.gone():
        pairs = [(one, one.phone.fresh()) for one in everybody]
        pairs.append((everybody[0], everybody[0].phone.wrong()))
        assert hosted(tmp_path, (*children, *habit), *pairs, prefix=prefix) == (len(everybody), 0, [])
    for one in everybody:
        journal.find("accepted", f"user={one.name}")


@pytest.fixture(params=["module", "service", "command"])
def built(request, module):  # noqa: F811
    return {"module": module, "service": service.PROGRAM, "command": TWOSTEP}[request.param]


def test_given_what_was_built_then_no_segment_is_writable_and_executable(built):
    segments = re.findall(r"^ +(\w+) .* ([R ][W ][E ]) +0x", output("readelf", "-lW", built), re.MULTILINE)
    assert {"LOAD", "GNU_STACK"} <= {kind for kind, _ in segments}
    assert not [kind for kind, flags in segments if "W" in flags and "E" in flags]


def test_given_what_was_built_then_addresses_are_bound_at_once_and_read_only_after(built):
    dynamic = output("readelf", "-dW", built)
    assert "BIND_NOW" in dynamic or re.search(r"FLAGS_1.*NOW", dynamic)
    assert "GNU_RELRO" in output("readelf", "-lW", built)
    assert "TEXTREL" not in dynamic and "RPATH" not in dynamic and "RUNPATH" not in dynamic
    assert "DYN" in output("readelf", "-hW", built)      # a place that nobody knows before


def test_given_a_module_with_an_address_sanitizer_then_nothing_is_read_or_written_where_it_should_not(
        module, enrolled, clock, tmp_path):  # noqa: F811
    sanitized = Path(os.environ["TWOSTEP_SANITIZED_MODULE"])
    report = tmp_path / "report"
    soak_by_gcc = build_soak("-fsanitize=address")
    kept = module.read_bytes()
    module.write_bytes(sanitized.read_bytes())
    try:
        phone = enrolled.phone
        codes = phone.codes(phone.step() + 1, 20)
        clock.advance(phone.period)
        answers = codes + ["123456", "", "x" * 600, "\x01\x02", enrolled.recovery_codes[0], "0000-0000-0000-0000"]
        told = soak(enrolled, answers, "-t", str(phone.period), "-w", "1", program=soak_by_gcc,
                    prefix=["env", f"ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0:log_path={report}"])
        assert told.get("accepted", 0) >= len(codes), (told, [path.read_text() for path in tmp_path.glob("report*")])
        assert log_in(enrolled, "000000", phases="acsox", keep_going=True).phases["auth"] != attempts.SUCCESS
    finally:
        module.write_bytes(kept)
    assert not list(tmp_path.glob("report*")), "".join(path.read_text() for path in tmp_path.glob("report*"))
    assert "AddressSanitizer" not in told["stderr"]


def build_soak(*options):
    to = BUILT / "soak-sanitized"
    subprocess.run(["cc", "-O1", "-g", *options, "-o", to, PROGRAMS / "soak.c", "-lpam"], check=True)
    return to
