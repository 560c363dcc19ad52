"""What is done while a system call fails, and what must hold afterwards: the logins.

Each scenario keeps one moment of the store and returns to it before each run."""

import subprocess

import app_passwords
import attempts
import enrollment
import people
import service
import stacks
from attempts import log_in, told_by
from kept import Kept

CODES_AHEAD = 2000
# Seconds in which a run must end.
PATIENCE = 25

# Like the stacks that people write; but libpam would hide an IGNORE, so the next line tells of it by a
# code that nobody else returns.
STACK = """\
auth [success=1 ignore=ignore default=die] {line}
auth requisite pam_debug.so auth=cred_expired
auth required pam_permit.so
account [success=1 ignore=ignore default=die] {line}
account requisite pam_debug.so acct=acct_expired
account required pam_permit.so
"""
IGNORED = {"auth": 16, "account": 13}
SERVICE, APP_SERVICE = "cs-fault", "cs-fault-app"


def write_services():
    stacks.write(SERVICE, STACK.replace("{line}", "pam_twostep.so"))
    stacks.write(APP_SERVICE, STACK.replace("{line}", "pam_twostep.so mode=app_password"))


class Scenario:
    """One person, and what they do while something fails.

    NAME     in the table
    MARKER   what the line of strace says from which on the calls are ours
    END      what the line says up to which they are; without it, to the end
    OWN      whether faults strike the processes of the command line, too, and not the service alone
    SERVED   whether the service takes part
    SCARCE   whether all the memory that is asked for is ours to do without
    BEREFT   how it ends where not the program itself is killed, but the judge that it asks"""

    NAME = MARKER = END = ""
    BEREFT = None
    OWN, SERVED = True, not service.IS_ONCE
    SCARCE = True

    @staticmethod
    def is_libpams(_row):
        """Whether the fault struck libpam itself, which fails as it fails without Twostep."""
        return False

    def __init__(self, clock):
        self.clock = clock
        self.somebody = self.make()
        self.kept = self.kept_now()
        self.codes, self.first_step, self.step = [], 0, 0

    def make(self):
        """The person as they are at the kept moment: enrolled, and logged in once before."""
        somebody = enrollment.enroll(people.add(), self.clock)
        assert log_in(somebody, somebody.phone.fresh(), service=SERVICE).accepted
        return somebody

    def kept_now(self):
        return Kept(self.somebody.person)

    def begin(self):
        """Back to the kept moment, with the code that the phone shows now."""
        self.kept.put_back()
        self.step = self.somebody.phone.step()

    def later(self):
        """What goes on from this moment when it is called."""
        known, kept = dict(vars(self)), self.kept_now()

        def go_on():
            vars(self).update(known)
            kept.put_back()
        return go_on

    def line(self):
        """The command line."""
        raise NotImplementedError

    def input(self):
        return ""

    def run(self, prefix=()):
        """Runs it to its end under the prefix; what came of it, in a word or two."""
        done = subprocess.run([*prefix, *self.line()], input=self.input().encode(), capture_output=True,
                              timeout=PATIENCE, cwd="/")
        return self.outcome(done)

    def outcome(self, done):
        raise NotImplementedError

    def judge(self, outcome):
        """Each thing that should not be as it is."""
        raise NotImplementedError

    def code(self, after=0):
        """The code of the step that the run began in, or of one after it."""
        wanted = self.step + after
        if not self.first_step <= wanted < self.first_step + len(self.codes):
            self.first_step = wanted
            self.codes = self.somebody.phone.codes(wanted, CODES_AHEAD)
        return self.codes[wanted - self.first_step]

    def logs_in(self, answer):
        return log_in(self.somebody, answer, service=SERVICE).accepted

    def next_login(self):
        """Whether the person gets in with the next code, or with the one that the phone shows by now."""
        return self.logs_in(self.code(max(1, self.somebody.phone.step() - self.step)))


class Login(Scenario):
    """A login through libpam, with an answer that counts once."""

    MARKER = "pam_twostep.so"
    WAY = SERVICE
    BEREFT = "refused"

    def answer(self):
        raise NotImplementedError

    def line(self):
        return attempts.words(self.somebody, self.answer(), service=self.WAY)

    def outcome(self, done):
        told = told_by(done)
        if told.phases.items() & IGNORED.items():
            return "ignored"
        if told.phases.get("auth") != attempts.SUCCESS:
            return "refused" if told.phases else "no answer"
        return {attempts.SUCCESS: "accepted", None: "accepted, then no answer"}.get(
            told.phases.get("account"), "accepted, then refused")

    def judge(self, outcome):
        if outcome == "ignored":
            yield "an error was told as PAM_IGNORE"
        if outcome.startswith("accepted") and self.logs_in(self.answer()):
            yield "accepted, and the same answer once more"


class VerificationCode(Login):
    NAME = "verification code"

    def answer(self):
        return self.code()


class CodeOfTheUser(VerificationCode):
    """In a process that is not root, which the service alone can help."""

    NAME = "code, asked by the user"
    SERVED = True

    def line(self):
        return as_person(self.somebody.person, *super().line())


class RecoveryCode(Login):
    NAME = "recovery code"

    def answer(self):
        return self.somebody.recovery_codes[0]

    def judge(self, outcome):
        yield from super().judge(outcome)
        if not self.logs_in(self.somebody.recovery_codes[1]):
            yield "another recovery code was lost"


class WrongCode(Login):
    """Nothing that fails makes a wrong code right."""

    NAME = "wrong code"

    def make(self):
        somebody = super().make()
        self.wrong = somebody.phone.wrong()
        return somebody

    def answer(self):
        return self.wrong

    def judge(self, outcome):
        if outcome not in ("refused", "no answer"):
            yield f"a wrong code was {outcome}"


class AppPassword(Login):
    """One that may be used again and again."""

    NAME = "application password"
    WAY = APP_SERVICE

    def make(self):
        somebody = super().make()
        self.password = app_passwords.create(somebody, "mail", APP_SERVICE)
        return somebody

    def answer(self):
        return self.password

    def judge(self, outcome):
        if outcome == "ignored":
            yield "an error was told as PAM_IGNORE"
        if not log_in(self.somebody, self.password, service=APP_SERVICE).accepted:
            yield "the application password was lost"


class WrongAppPassword(AppPassword):
    NAME = "wrong application password"

    def answer(self):
        return "0123-4567-89AB-CDEF-GHJK-MNPQ"

    def judge(self, outcome):
        if outcome not in ("refused", "no answer"):
            yield f"a wrong application password was {outcome}"


class Session(Login):
    """It opens, whatever fails: nobody is locked out by a notice."""

    NAME = "session"
    MARKER = "login.sock"   # before it, libpam reads the stack
    BEREFT = "opened"
    END = "NETLINK_AUDIT"   # libpam tells the kernel, and refuses where it cannot
    SCARCE = False

    def line(self):
        return attempts.words(self.somebody, service="cs-code", phases="o", tty="/dev/pts/9")

    def outcome(self, done):
        told = told_by(done)
        return {attempts.SUCCESS: "opened", None: "no answer"}.get(told.phases.get("open"), "refused")

    def judge(self, outcome):
        if outcome == "refused":
            yield "the session did not open"

    @classmethod
    def is_libpams(cls, row):
        """It tells the kernel's audit by the same calls, and refuses where it cannot; and it reads the stack."""
        is_audits = row.place.name == "recvfrom" or row.place.name == "sendto" and row.fault.endswith("from there on")
        return is_audits or row.place in cls.OUTSIDE


def as_person(person, *words):
    """Without --reset-env: it would undo a preloaded library, and the programs ignore the rest."""
    return ["setpriv", f"--reuid={person.uid}", f"--regid={person.uid}", "--init-groups", "--", *words]


LOGINS = (VerificationCode, CodeOfTheUser, RecoveryCode, WrongCode, AppPassword, WrongAppPassword, Session)
