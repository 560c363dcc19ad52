"""Our addresses, read by other programs, and by the rules of apps as they are published (docs/interop.md)."""

import base64
import re
import subprocess
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

import attempts
import configuration
import enrollment
import people
import qr

# What an administrator can set, beside the usual.
KINDS = {
    "usual": {}, "sha256": {"algorithm": "SHA256"}, "sha512": {"algorithm": "SHA512"}, "digits": {"digits": 8}, "period": {"period": 60},
    "issuer": {"issuer": "Example Büro, Ltd."},
}


@pytest.fixture(params=KINDS)
def enrolled(request, view, clock):
    clock.begin_step(60)
    configuration.write(totp=KINDS[request.param])
    svg = (person := people.add()).home / "code.svg"
    made = enrollment.enroll(person, clock, "--svg", str(svg))
    assert qr.from_svg(svg) == made.phone.uri, "zbarimg reads what the program says"
    return made


def logs_in(enrolled, code):
    return attempts.log_in(enrolled, code, service="cs-code").accepted


def account_of(enrolled):
    """What the phone shows beside the issuer."""
    account = enrolled.phone.label.removeprefix(f"{enrolled.phone.issuer}:")
    assert account.startswith(f"{enrolled.name}@")
    return account


def next_step(enrolled, clock):
    """The moment of a code that was not given yet."""
    clock.begin_step(enrolled.phone.period)
    return int(clock.now())


def test_given_pyotp_then_its_code_logs_in(enrolled, clock):
    pyotp = pytest.importorskip("pyotp")
    totp = pyotp.parse_uri(enrolled.phone.uri)
    assert totp.issuer == enrolled.phone.issuer and totp.name == account_of(enrolled)
    assert logs_in(enrolled, totp.at(next_step(enrolled, clock)))


def test_given_pass_otp_then_its_code_logs_in(enrolled, clock, tmp_path):
    """Its own parser takes the address; `pass otp` would want a key of GnuPG, so the extension's functions are called."""
    extension = "/usr/lib/password-store/extensions/otp.bash"
    script = f"""
        die() {{ echo "$@" >&2; exit 1; }}; path=x
        source <(sed '/^case "\\$1" in/,$d' {extension}) 
        otp_parse_uri "$1"
        echo "$otp_secret ${{otp_algorithm:-SHA1}} ${{otp_digits:-6}} ${{otp_period:-30}}"
    """
    done = subprocess.run(["bash", "-c", script, "-", enrolled.phone.uri], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    secret, algorithm, digits, period = done.stdout.split()
    moment = next_step(enrolled, clock)
    # As the extension's cmd_otp_code calls it.
    code = subprocess.run(["oathtool", "-b", f"--totp={algorithm.lower()}", f"--time-step-size={period}s", f"--digits={digits}", f"--now=@{moment}", secret],
                          check=True, capture_output=True, text=True).stdout.strip()
    assert logs_in(enrolled, code)


def test_given_keepassxc_then_its_code_logs_in(enrolled, clock, tmp_path):
    database, attribute = tmp_path / "x.kdbx", tmp_path / "x.xml"
    attribute.write_text(KEEPASS.format(uri=enrolled.phone.uri.replace("&", "&amp;")))
    subprocess.run(["keepassxc-cli", "import", attribute, database, "--set-password"], input="password\npassword\n", text=True, check=True, capture_output=True)
    next_step(enrolled, clock)
    done = subprocess.run(["keepassxc-cli", "show", "--totp", database, "host"], input="password\n", text=True, check=True, capture_output=True,
                          env={"LD_PRELOAD": "/usr/lib/twostep-test/timeshim.so", "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)})
    assert logs_in(enrolled, done.stdout.split()[-1])


KEEPASS = """<?xml version="1.0" encoding="UTF-8"?>
<KeePassFile><Meta><Generator>test</Generator></Meta><Root><Group><UUID>AAAAAAAAAAAAAAAAAAAAAQ==</UUID><Name>Root</Name>
<Entry><UUID>AAAAAAAAAAAAAAAAAAAAAg==</UUID><String><Key>Title</Key><Value>host</Value></String>
<String><Key>otp</Key><Value>{uri}</Value></String></Entry></Group></Root></KeePassFile>
"""


# The rules of apps, as far as they are published: each takes an address and gives what the app would show codes of.

def aegis(uri):
    path, query = parts(uri)
    label = unquote(path)
    issuer, _, account = label.partition(":") if label.count(":") == 1 else ("", "", label)
    return shown(query, issuer, account)


def freeotp_plus(uri):
    path, query = parts(uri)
    before, _, label = unquote(path).rpartition(":")
    assert query.get("digits", "6") in "5678"
    return shown(query, query.get("issuer") or before, label)


def ente(uri):
    path, query = parts(uri)
    issuer, path = query["issuer"], unquote(path)
    return shown(query, issuer, path.removeprefix(f"{issuer}:"))


def two_fas(uri):
    """It decodes the whole address first."""
    path, query = parts(unquote(uri).replace("#", "-"))
    return shown(query, query["issuer"], path.rpartition(":")[2])


def keepassxc(uri):
    _, query = parts(uri)
    algorithm = query.get("algorithm", "SHA1").upper()
    return {**shown(query, None, None), "algorithm": algorithm if algorithm in ("SHA256", "SHA512") else "SHA1"}


def google(uri):
    """The wiki: an issuer in front of the label equals that of the parameter; no padding in the secret."""
    path, query = parts(uri)
    issuer, _, account = unquote(path).partition(":")
    assert issuer == query["issuer"] and "=" not in query["secret"] and re.fullmatch("[A-Z2-7]+", query["secret"])
    return shown(query, issuer, account)


def parts(uri):
    address = urlsplit(uri)
    assert (address.scheme, address.netloc) == ("otpauth", "totp") and not address.fragment
    assert "+" not in address.query, "some read it as a space, others do not"
    return address.path.lstrip("/"), {name: values[0] for name, values in parse_qs(address.query, strict_parsing=True).items()}


def shown(query, issuer, account):
    secret = query["secret"]
    return {"secret": base64.b32decode(secret + "=" * (-len(secret) % 8)), "algorithm": query.get("algorithm", "SHA1"),
            "digits": int(query.get("digits", "6")), "period": int(query.get("period", "30")), "issuer": issuer, "account": account}


@pytest.mark.parametrize("rules", [aegis, freeotp_plus, ente, two_fas, keepassxc, google], ids=lambda rules: rules.__name__)
def test_given_the_rules_of_an_app_then_it_shows_our_codes(enrolled, rules):
    found, phone = rules(enrolled.phone.uri), enrolled.phone
    assert (found["algorithm"], found["digits"], found["period"]) == (phone.algorithm, phone.digits, phone.period)
    assert len(found["secret"]) in (20, 32, 64)
    assert found["issuer"] in (phone.issuer, None) and found["account"] in (account_of(enrolled), None)


def test_given_the_usual_then_apps_that_ignore_the_parameters_are_right_too(view, clock):
    configuration.write()
    made = enrollment.enroll(people.add(), clock)
    query = parts(made.phone.uri)[1]
    assert (query["algorithm"], query["digits"], query["period"]) == ("SHA1", "6", "30")
