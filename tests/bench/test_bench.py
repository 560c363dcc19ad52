"""A quick run of the benchmark, that `make bench` works when somebody wants it. No time is asserted: the
machine may be busy."""

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import chart  # noqa: E402
import figures  # noqa: E402
import report  # noqa: E402
import targets  # noqa: E402
from series import EMPTY, GOOGLE, NOSKEWADJ, OATH, TWOSTEP, UNIX  # noqa: E402

METRICS = ("whole", "inside", "processor", "faults")
WEIGHTS = ("system_calls", "system_calls_inside", "instructions_inside", "resident_kib")


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
    for row in data["series"]:
        assert row["logins"] > 0, row
        assert row["as_expected"] == row["logins"], row
        assert row["expected"] == ("refused" if "wrong" in row["given"] else "accepted"), row


def test_all_stacks_are_measured_in_both_places(data):
    for place in ("disk", "memory"):
        stacks = {row["stack"] for row in data["series"] if row["place"] == place}
        assert stacks == {EMPTY, UNIX, GOOGLE, NOSKEWADJ, OATH, TWOSTEP}
    grown = {(row["stack"], row["users"]) for row in data["series"] if row["users"] > 1}
    assert grown >= {(stack, users) for stack in (OATH, TWOSTEP) for users in data["users"][1:]}


def test_every_column_has_a_figure(data):
    for row in data["series"]:
        assert all(row[metric]["p99"] >= row[metric]["p50"] > 0 for metric in METRICS), row
        assert row["whole"]["p50"] >= row["inside"]["p50"], row
        if row["place"] == "disk" and row["users"] == 1:
            assert all(name in row for name in WEIGHTS), row
    counted = [row for row in data["series"] if row.get("instructions_inside")]
    assert all(min(row["instructions_inside"]) > 1000 for row in counted)
    assert {row["stack"] for row in counted} == {EMPTY, GOOGLE, NOSKEWADJ, OATH, TWOSTEP}


def test_a_login_against_expectation_is_told(data):
    """As `make bench` ends with an error then."""
    assert not list(figures.unexpected(data))
    row, rate = data["series"][0], data["at_once"][0]
    for broken in ({"series": [{**row, "as_expected": row["logins"] - 1}]},
                   {"at_once": [{**rate, "results": [7]}]},
                   {"staying": {"wrong password": {"accepted": 1, "of": 1}}}):
        assert len(list(figures.unexpected({**data, **broken}))) == 1


def test_rates_and_modules_are_there(data):
    assert all(rate["per_second"] > 0 for rate in (*data["at_once"], *data["staying"].values()))
    assert all(module["bytes"] > 0 and module["needed"] for module in data["modules"].values())


def test_the_page_and_the_chart_are_those_of_the_data(written, data):
    assert (written / "README.md").read_text() == report.text(data)
    assert (written / "chart.svg").read_text() == chart.svg(data)
    ElementTree.fromstring(chart.svg(data))
    for given in (*data["machine"]["packages"].values(), "quick run"):
        assert given in report.text(data)


def test_a_target_is_reached_only_by_what_was_measured(data):
    """The page says yes or no by the figures, so other figures change it."""
    module = data["modules"]["pam_twostep.so"]
    for size, reached in ((targets.BYTES, True), (targets.BYTES + 1, False)):
        told = {**data, "modules": {**data["modules"], "pam_twostep.so": {**module, "bytes": size}}}
        assert next(one for one in targets.targets(told) if one.what == "the module").reached is reached
    slow = {given: {**rate, "per_second": 1} for given, rate in data["staying"].items()}
    rates = [one for one in targets.targets({**data, "staying": slow}) if "a second" in one.aim]
    assert rates and not any(one.reached for one in rates)
