"""What is asked of the helper itself, past the module, is logged and cannot forge what is shown."""

import json

import pytest

HELPER = "/usr/libexec/twostep/twostep-helper"


def verify(person, service, answer):
    request = {"do": "verify", "service": service, "answer": answer}
    return json.loads(person.run(HELPER, input=json.dumps(request)).stdout)


def test_given_guesses_through_the_helper_then_each_is_logged(enrolled, journal):
    assert not verify(enrolled.person, "i3lock", "000000")["accepted"]
    journal.find("refused", f"user={enrolled.name}", "service=i3lock", "reason=wrong-code")
    code = enrolled.phone.fresh()
    assert verify(enrolled.person, "i3lock", code)["accepted"]
    journal.find("accepted", f"user={enrolled.name}", "factor=totp")
    assert code not in journal.text()


@pytest.mark.parametrize("service", ["", "x" * 65, "a\nfrom=root", "\x1b[2J", "\x7f" * 16])
def test_given_a_service_that_is_none_then_nothing_is_judged(enrolled, service):
    answer = verify(enrolled.person, service, enrolled.recovery_codes[0])
    assert (answer["result"], answer["reason"]) == ("refused", "bad_request")
    assert verify(enrolled.person, "i3lock", enrolled.recovery_codes[0])["accepted"]
