"""The PAM service files of the view. What each test needs of them is in its name here."""

from pathlib import Path

FOLDER = Path("/etc/pam.d")

PASSWORD_AND_CODE = """\
auth requisite pam_unix.so nodelay
auth requisite pam_twostep.so after_first_step
auth required pam_permit.so
account required pam_unix.so
account required pam_twostep.so
session required pam_permit.so
session optional pam_twostep.so
"""

CODE_ONLY = """\
auth requisite pam_twostep.so {options}
auth required pam_permit.so
account required pam_twostep.so
account required pam_permit.so
session required pam_permit.so
session optional pam_twostep.so
"""

# What a service gets that was never told about codes but whose account phase we share.
PASSWORD_WITH_OUR_ACCOUNT_LINE = """\
auth requisite pam_unix.so nodelay
auth required pam_permit.so
account required pam_unix.so
account required pam_twostep.so {options}
session required pam_permit.so
session optional pam_twostep.so
"""

# The "key or password, then the code" recipe. It includes a common-auth of its own, because the
# machine's has pam_unix without nodelay.
RECIPE = """\
auth [success=ignore default=2] pam_twostep.so mode=ssh_key
auth requisite                  pam_twostep.so after_first_step
auth sufficient                 pam_permit.so
@include cs-common-auth
auth requisite                  pam_twostep.so after_first_step
auth required                   pam_permit.so
account required pam_unix.so
account required pam_twostep.so
session required pam_permit.so
session optional pam_twostep.so
"""

COMMON_AUTH = """\
auth [success=1 default=ignore] pam_unix.so nodelay
auth requisite pam_deny.so
auth required pam_permit.so
"""

# Who must enroll does so in the account phase.
ENROLL = """\
auth requisite pam_unix.so nodelay
auth requisite pam_twostep.so after_first_step enroll {options}
auth required pam_permit.so
account required pam_unix.so
account required pam_twostep.so enroll {options}
session required pam_permit.so
session optional pam_twostep.so
"""

# The two mistakes that leave nobody to enroll whom the auth line lets through.
ENROLL_ON_THE_AUTH_LINE_ALONE = ENROLL.replace(
    "account required pam_twostep.so enroll {options}", "account required pam_twostep.so")
ENROLL_WITHOUT_AN_ACCOUNT_LINE = ENROLL.replace(
    "account required pam_twostep.so enroll {options}\n", "")

FORWARD_PASS = """\
auth requisite pam_twostep.so forward_pass
auth required pam_unix.so nodelay use_first_pass
account required pam_unix.so
account required pam_twostep.so
session required pam_permit.so
"""

REQUIRE_STEP = """\
auth requisite pam_unix.so nodelay
auth requisite pam_twostep.so after_first_step
auth required pam_permit.so
account required pam_unix.so
account required pam_twostep.so require_step
session required pam_permit.so
"""


def write(service, text, options=""):
    (FOLDER / service).write_text(text.format(options=options), encoding="utf-8")
    return service


def write_all():
    """The services that every test may count on."""
    write("cs-common-auth", COMMON_AUTH)
    write("cs-login", PASSWORD_AND_CODE)
    write("cs-code", CODE_ONLY)
    write("other", "auth required pam_deny.so\naccount required pam_deny.so\n"
                   "password required pam_deny.so\nsession required pam_deny.so\n")
