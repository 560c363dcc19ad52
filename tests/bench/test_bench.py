"""A quick run of the benchmark, so that `make bench` works when somebody wants it. No time is asserted: the
machine may be busy."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import figures  # noqa: E402
import report  # noqa: E402
import targets  # noqa: E402
from series import (DISK, EMPTY, FLOOR, GOOGLE, MANY, MEMORY, NOTHING, OATH, ONCE, RECOVERY, RIGHT, TWOSTEP,  # noqa: E402
                    WRONG)
from settings import SIZES  # noqa: E402

QUICK = SIZES["quick"]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The folder that a quick run has written."""
    folder = tmp_path_factory.mktemp("bench")
    done = subprocess.run([HERE / "bench", "--quick", folder], stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=1200, check=False)
    assert done.returncode == 0, done.stdout
    return folder


@pytest.fixture(scope="module")
def data(written):
    return json.loads((written / "measured.json").read_text())


def test_each_right_answer_is_accepted_and_each_wrong_one_refused(data):
    rows = {(row["stack"], row["given"], row["where"]): row for row in data["series"]}
    both = {(stack, given, where) for stack in (TWOSTEP, GOOGLE, OATH) for given in (RIGHT, WRONG)
            for where in (DISK, MEMORY)}
    assert set(rows) == both | {(EMPTY, NOTHING, DISK), (FLOOR, RIGHT, DISK), (TWOSTEP, RECOVERY, DISK),
                                (TWOSTEP, RIGHT, MANY), (TWOSTEP, RIGHT, ONCE)}
    for row in (*rows.values(), *data["busy"]):
        assert row["as_expected"] == row["logins"] > 0, row
        assert row["p90"] >= row["p50"] > 0, row


def test_one_of_many_gets_in_with_and_without_the_service(data):
    assert data["races"] == {judge: [1] * QUICK.races for judge in ("service", "once", "mixed")}


def test_rate_memory_and_module_are_there(data):
    assert data["staying"]["per_second"] > 0 and data["staying"]["passwords"] == 50
    assert data["resident"]["accepted"] == data["resident"]["users"] == QUICK.seen
    assert data["resident"]["after"] > 1_000_000
    assert data["module"]["bytes"] > 10_000 and any(name.startswith("libc.so") for name in data["module"]["needed"])


def test_a_login_against_expectation_is_reported(data):
    """`make bench` ends with an error then."""
    assert not list(figures.unexpected(data))
    row, resident = data["series"][0], data["resident"]
    for broken in ({"series": [{**row, "as_expected": row["logins"] - 1}]}, {"races": {"mixed": [1, 2]}},
                   {"races": {"once": [0, 1]}}, {"resident": {**resident, "accepted": resident["users"] - 1}}):
        assert len(list(figures.unexpected({**data, **broken}))) == 1


def test_the_page_is_that_of_the_data(written, data):
    page = (written / "README.md").read_text()
    assert page == report.text(data)
    assert "quick run" in page
    assert all(one.what in page and one.measured in page for one in targets.targets(data))
    assert not any(word in page for word in ("/tmp", "/srv", "/mnt", "/home"))


def test_a_target_is_reached_only_by_what_was_measured(data):
    """The page says yes or no by the figures, so other figures change it."""
    def reached(changed):
        return {one.what: one.reached for one in targets.targets({**data, **changed})}

    def with_own(micro):
        rows = [{**row, "p50": micro} if row["stack"] == TWOSTEP else row for row in data["series"]]
        return {"series": rows, "staying": {**data["staying"], "per_second": 1e6 / micro}}

    fast, slow = reached(with_own(1)), reached(with_own(1e9))
    timed = {what for what, is_fast in fast.items() if is_fast and not slow[what]}
    assert {what for what in fast if what.startswith(("right code, state", "wrong", "application", "recovery"))} <= timed
    module = data["module"]
    assert reached({"module": {**module, "bytes": 400_000}})["the module, stripped"]
    assert not reached({"module": {**module, "bytes": 400_001}})["the module, stripped"]
    assert not reached({"module": {**module, "needed": [*module["needed"], "libssl.so.3"]}})["libraries that it loads"]
    assert not all(reached({"races": {"service": [1, 2]}}).values())
