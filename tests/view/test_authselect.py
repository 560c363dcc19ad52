"""The authselect profile: `make-profile` on templates of authselect's form, rendered as authselect renders them, and
held against `twostep admin check`. authselect itself is not in Debian."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from views import TOP, in_view

MAKE = Path(TOP) / "packaging/authselect/make-profile"

DIRECTORY = """\
auth        required                                     pam_env.so
auth        required                                     pam_faillock.so preauth silent          {include if "with-faillock"}
auth        sufficient                                   pam_fprintd.so                          {include if "with-fingerprint"}
auth        [default=1 ignore=ignore success=ok]         pam_usertype.so isregular
auth        [default=1 ignore=ignore success=ok]         pam_localuser.so
auth        sufficient                                   pam_unix.so {if not "without-nullok":nullok}
auth        [default=1 ignore=ignore success=ok]         pam_usertype.so isregular
auth        sufficient                                   pam_sss.so forward_pass
auth        required                                     pam_faillock.so authfail                {include if "with-faillock"}
auth        required                                     pam_deny.so

account     required                                     pam_faillock.so                         {include if "with-faillock"}
account     required                                     pam_unix.so
account     sufficient                                   pam_localuser.so                        {exclude if "with-files-access-provider"}
account     required                                     pam_permit.so
"""
SERVICE = """\
auth substack password-auth
auth include postlogin
account required pam_nologin.so
account include password-auth
"""


def holds(expression, features):
    words = re.sub(r'"([^"]+)"', lambda match: str(match.group(1) in features), expression)
    return eval(words, {"__builtins__": {}})  # pylint: disable=eval-used


def rendered(template, features):
    lines = []
    for line in template.splitlines():
        kept = True
        for word, expression in re.findall(r"\{(include|exclude) if ([^}]*)\}", line):
            kept &= holds(expression, features) == (word == "include")
        line = re.sub(r" *\{(include|exclude) if [^}]*\}", "", line)
        line = re.sub(r'\{if ([^:}]*):([^|}]*)\|?([^}]*)\}',
                      lambda match: match.group(2) if holds(match.group(1), features) else match.group(3), line)
        lines += [line.rstrip()] if kept else []
    return "\n".join(lines) + "\n"


@pytest.fixture
def profile(tmp_path):
    base = tmp_path / "base"
    base.mkdir()
    for name in ("system-auth", "password-auth", "README"):
        (base / name).write_text(DIRECTORY if name != "README" else "A profile\n")
    subprocess.run([MAKE, base, tmp_path / "twostep"], check=True, capture_output=True)
    return tmp_path / "twostep"


FEATURES = [set(), {"with-faillock"}, {"with-fingerprint"}, {"with-faillock", "with-fingerprint", "with-files-access-provider"}]


@pytest.mark.parametrize("features", FEATURES, ids=lambda one: "+".join(sorted(one)) or "none")
def test_without_the_feature_the_profile_is_its_base(profile, features):
    assert rendered((profile / "password-auth").read_text(), features) == rendered(DIRECTORY, features)


@pytest.mark.parametrize("features", FEATURES, ids=lambda one: "+".join(sorted(one)) or "none")
def test_with_the_feature_nobody_gets_past_the_code_and_no_stranger_reaches_it(profile, features):
    text = rendered((profile / "password-auth").read_text(), features | {"with-twostep"})
    assert text.count("pam_twostep.so after_first_step") == 2 + ("with-fingerprint" in features)
    told = in_view(f"""
        make --no-print-directory -s -C "$TOP" install >/dev/null
        rm -f /etc/pam.d/*
        cat >/etc/pam.d/password-auth <<'X'\n{text}\nX
        cat >/etc/pam.d/sshd <<'X'\n{SERVICE}\nX
        echo 'session optional pam_umask.so' >/etc/pam.d/postlogin
        for module in pam_sss pam_fprintd; do touch /usr/lib/*/security/$module.so 2>/dev/null || touch "$(dirname /usr/lib/*/security/pam_unix.so)/$module.so"; done
        twostep admin check --json""")
    findings = [json.loads(line) for line in told.stdout.splitlines() if line.startswith("{")]
    assert [one for one in findings if one.get("about", "").startswith("/etc/pam.d")] == [], findings
    # That sshd could not ask is told only where the stack does.
    assert "sshd-cannot-ask" in [one.get("id") for one in findings], told.stdout
