"""Wrong codes: who waits, how long, and who never does (docs/architecture.md, the throttle)."""

import subprocess

import configuration
import enrollment
import service
from attempts import log_in

HOME, STRANGER = "203.0.113.7", "198.51.100.9"
FREE = 5


def fail(somebody, times=1, **source):
    for number in range(times):
        assert not log_in(somebody, somebody.phone.wrong(number), **source).accepted


def gets_in(somebody, **source):
    return log_in(somebody, somebody.phone.fresh(), **source).accepted


def a_second_later(clock, wait):
    clock.advance(wait + 1)


def strangers(count):
    """So many addresses that nobody has seen before."""
    return [f"198.51.{number // 200}.{number % 200 + 1}" for number in range(count)]


def fail_from_strangers(somebody, failures):
    for address in strangers(failures):
        fail(somebody, rhost=address)


def test_given_four_wrong_codes_then_the_source_does_not_wait(enrolled):
    fail(enrolled, FREE - 1, rhost=STRANGER)
    assert gets_in(enrolled, rhost=STRANGER)


def test_given_five_wrong_codes_then_the_source_waits_five_seconds(enrolled, clock, journal):
    enrolled.phone.fresh()
    clock.advance(31)
    fail(enrolled, FREE, rhost=STRANGER)
    code = enrolled.phone.code()
    assert not log_in(enrolled, code, rhost=STRANGER).accepted
    journal.find(f"user={enrolled.name}", "reason=source-waits")
    a_second_later(clock, 5)
    assert log_in(enrolled, code, rhost=STRANGER).accepted  # it was not judged, so not spent


def test_given_a_source_that_waits_then_others_do_not(enrolled):
    fail(enrolled, FREE, rhost=STRANGER)
    assert gets_in(enrolled, rhost=HOME)
    assert gets_in(enrolled)


def test_given_a_source_that_waits_for_one_person_then_not_for_another(enrolled, enroll_another):
    other = enroll_another()
    fail(enrolled, FREE, rhost=STRANGER)
    assert gets_in(other, rhost=STRANGER)


def test_given_a_source_that_waits_then_it_is_still_asked(enrolled):
    fail(enrolled, FREE, rhost=STRANGER)
    told = log_in(enrolled, enrolled.phone.wrong(), rhost=STRANGER)
    assert told.asked
    assert told.phases == {"auth": 7}


def test_given_attempts_while_a_source_waits_then_the_wait_is_not_lengthened(enrolled, clock):
    enrolled.phone.fresh()
    clock.advance(40 - int(clock.now()) % 30)  # early in a step, for the code lasts long enough
    fail(enrolled, FREE, rhost=STRANGER)
    code = enrolled.phone.code()
    for _ in range(4):
        assert not log_in(enrolled, code, rhost=STRANGER).accepted
        clock.advance(1)
    a_second_later(clock, 1)
    assert log_in(enrolled, code, rhost=STRANGER).accepted


def test_given_more_wrong_codes_then_the_wait_doubles_up_to_an_hour(enrolled, clock):
    fail(enrolled, FREE, rhost=STRANGER)
    for wait in (5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600):
        clock.advance(wait - 2)
        assert not gets_in_without_moving_the_clock(enrolled, STRANGER), wait
        a_second_later(clock, 2)
        fail(enrolled, rhost=STRANGER)  # judged now, and wrong: the next wait begins
    clock.advance(3601)
    assert gets_in(enrolled, rhost=STRANGER)


def gets_in_without_moving_the_clock(somebody, address):
    return log_in(somebody, somebody.phone.code(), rhost=address).accepted


def test_given_a_success_then_it_clears_its_own_source(enrolled):
    fail(enrolled, FREE - 1, rhost=STRANGER)
    assert gets_in(enrolled, rhost=STRANGER)
    fail(enrolled, FREE - 1, rhost=STRANGER)
    assert gets_in(enrolled, rhost=STRANGER)


def test_given_malformed_answers_then_they_cost_nothing(enrolled):
    for answer in ("", "12345", "1234567", "x" * 300, "abcdef", r"\x08\n\r\x7fINCORRECT") * 20:
        assert not log_in(enrolled, answer, rhost=STRANGER).accepted
    assert gets_in(enrolled, rhost=STRANGER)


def test_given_a_full_table_then_the_fewest_failures_leave_and_stay_in_the_sum(enrolled, clock):
    configuration.write(throttle={"wait": "10m"})
    assert gets_in(enrolled, rhost=HOME)
    fail(enrolled, FREE, rhost=STRANGER)
    for address in strangers(40):
        fail(enrolled, rhost=address)       # one each: they push out one another
    assert not gets_in(enrolled, rhost=STRANGER)    # five failures outlive those of one
    for address in strangers(100)[40:100]:
        fail(enrolled, rhost=address)
    clock.advance(4000)
    assert not gets_in(enrolled, rhost="192.0.2.200")  # the sum is a hundred: strangers stay out
    assert gets_in(enrolled, rhost=HOME)


def test_given_a_hundred_failures_of_strangers_then_known_sources_still_get_in(enrolled, journal):
    assert gets_in(enrolled, rhost=HOME)
    fail_from_strangers(enrolled, 100)
    assert not gets_in(enrolled, rhost="192.0.2.200")
    journal.find(f"user={enrolled.name}", "reason=closed-to-strangers")
    assert gets_in(enrolled, rhost=HOME)
    assert gets_in(enrolled, rhost=HOME)


def test_given_a_hundred_failures_of_strangers_then_a_recovery_code_helps_anywhere(enrolled):
    fail_from_strangers(enrolled, 100)
    assert not gets_in(enrolled, rhost="192.0.2.200")
    assert log_in(enrolled, enrolled.recovery_codes[0], rhost="192.0.2.200").accepted


def test_given_ninety_nine_failures_then_a_new_source_is_still_judged(enrolled):
    fail_from_strangers(enrolled, 99)
    assert gets_in(enrolled, rhost="192.0.2.200")


def test_given_a_lower_cap_then_it_counts(enrolled):
    configuration.write(throttle={"cap": 10})
    fail_from_strangers(enrolled, 10)
    assert not gets_in(enrolled, rhost="192.0.2.200")


def test_given_a_cap_over_a_hundred_then_the_configuration_is_refused(enrolled, journal):
    configuration.write(throttle={"cap": 101})
    log_in(enrolled, enrolled.phone.fresh())
    journal.find("config.toml", "cap")


def test_given_a_hundred_failures_of_known_sources_then_only_a_recovery_code_opens(
        enrolled, clock, journal):
    configuration.write(throttle={"wait": "1s", "max_wait": "1s"})
    assert gets_in(enrolled, rhost=HOME)
    fail(enrolled, FREE, rhost=HOME)
    for number in range(100 - FREE):
        clock.advance(2)
        fail(enrolled, rhost=HOME)
    clock.advance(4000)
    assert enrollment.status(enrolled.person)["disabled"]
    assert not gets_in(enrolled, rhost=HOME)
    journal.find(f"user={enrolled.name}", "reason=codes-disabled")
    assert log_in(enrolled, enrolled.recovery_codes[0], rhost=HOME).accepted
    assert not enrollment.status(enrolled.person)["disabled"]
    assert gets_in(enrolled, rhost=HOME)


def test_given_changed_throttle_keys_then_they_count(enrolled, clock):
    configuration.write(throttle={"failures": 2, "wait": "60s", "max_wait": "60s"})
    fail(enrolled, 2, rhost=STRANGER)
    clock.advance(50)
    assert not gets_in_without_moving_the_clock(enrolled, STRANGER)
    clock.advance(11)
    fail(enrolled, 1, rhost=STRANGER)
    clock.advance(61)                       # it would be 120 s without max_wait
    assert gets_in(enrolled, rhost=STRANGER)


def test_given_failures_then_they_survive_a_reboot_by_tens(enrolled, clock):
    fail_from_strangers(enrolled, 95)
    service.stop()
    subprocess.run(["rm", "-r", "/run/twostep"], check=True)
    service.start()
    clock.advance(600)
    for address in (f"192.0.2.{number + 1}" for number in range(10)):
        fail(enrolled, rhost=address)
    assert not gets_in(enrolled, rhost="192.0.2.200")
