"""The PAM service files of the view. What each test needs of them is in its name here."""

from pathlib import Path

FOLDER = Path("/etc/pam.d")
RECIPES = Path(__file__).parent.parent.parent / "packaging" / "pam"

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
auth requisite pam_twostep.so forward_pass {options}
auth requisite pam_unix.so nodelay use_first_pass
auth required pam_twostep.so after_first_step
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

# What a service gets whose programs cannot ask for a code.
APP_PASSWORD = """\
auth [success=done ignore=ignore default=die] pam_twostep.so mode=app_password {options}
@include cs-common-auth
account required pam_unix.so
account required pam_twostep.so
session required pam_permit.so
"""


def write(service, text, options=""):
    (FOLDER / service).write_text(text.format(options=options), encoding="utf-8")
    return service


def write_recipe(recipe, *services):
    """A recipe as it is shipped, for its own service or for others. Only its common-auth is one
    whose pam_unix does not wait after a wrong password."""
    text = (RECIPES / recipe).read_text(encoding="utf-8")
    quick = text.replace("@include common-auth", "@include cs-common-auth")
    assert quick != text
    for service in services or (recipe,):
        (FOLDER / service).write_text(quick, encoding="utf-8")


def settings_in(recipe):
    """What a recipe wants to stand in the configuration of its server: the indented lines of its
    comments."""
    lines = (RECIPES / recipe).read_text(encoding="utf-8").splitlines()
    return "".join(f"{line[6:]}\n" for line in lines if line.startswith("#     "))


def write_all():
    """The services that every test may count on."""
    write("cs-common-auth", COMMON_AUTH)
    write("cs-login", PASSWORD_AND_CODE)
    write("cs-code", CODE_ONLY)
    write("cs-app", APP_PASSWORD)
    write("other", "auth required pam_deny.so\naccount required pam_deny.so\n"
                   "password required pam_deny.so\nsession required pam_deny.so\n")
