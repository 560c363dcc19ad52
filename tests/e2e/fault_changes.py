"""What is done while a system call fails, and what must hold afterwards: the changes of an account."""

import json

import enrollment
import people
import service
from attempts import log_in
from fault_scenarios import Scenario, as_person
from phones import Phone

TWOSTEP = "/usr/bin/twostep"
BATCH = "/run/twostep-view/batch.csv"


class Change(Scenario):
    """One request to the service, as the user's own programs send it."""

    OWN, SERVED = False, True

    def __init__(self, clock):
        self.told = {}
        super().__init__(clock)

    def request(self):
        raise NotImplementedError

    def input(self):
        return json.dumps(self.request())

    def line(self):
        return as_person(self.somebody.person, "/usr/bin/python3", "-B", str(service.CALL), str(service.USER))

    def outcome(self, done):
        """The key of the response; what it holds is kept."""
        try:
            ((outcome, self.told),) = json.loads(done.stdout).items()
        except (ValueError, AttributeError):
            outcome, self.told = "no answer", {}
        return outcome.replace("_", " ")

    def ask_again(self):
        """The same without a fault."""
        return self.run()

    def is_enrolled(self):
        return enrollment.status(self.somebody.person)["enrolled"]


BEGIN = {"begin": {"label": None, "proof": None}}


def begun(person, clock):
    """A person whose first authenticator waits for its confirmation."""
    pending = service.ask(person, BEGIN)["pending"]
    return enrollment.Enrolled(person, Phone(pending["uri"], clock))


def is_asked(somebody):
    return log_in(somebody, service="cs-code").asked


class Enroll(Change):
    """The first half: an authenticator that waits for its confirmation."""

    NAME = "enroll"

    def make(self):
        person = people.add()
        return enrollment.Enrolled(person, None)

    def begin(self):
        self.kept.put_back()

    def request(self):
        return BEGIN

    def judge(self, outcome):
        if self.is_enrolled():
            yield "enrolled without a confirmation"
        if outcome != "pending" and self.ask_again() != "pending":
            yield "another try was refused"
            return
        self.somebody.phone, self.codes = Phone(self.told["uri"], self.clock), []
        self.step = self.somebody.phone.step()
        if "confirmed" not in service.ask(self.somebody.person, {"confirm": {"code": self.code()}}):
            yield "what was told as pending could not be confirmed"

    def next_login(self):
        return self.is_enrolled() and super().next_login()


class Confirm(Change):
    NAME = "confirm"

    def make(self):
        return begun(people.add(), self.clock)

    def request(self):
        return {"confirm": {"code": self.code()}}

    def judge(self, outcome):
        done = outcome == "confirmed"
        if done and self.logs_in(self.code()):
            yield "confirmed, and the same code once more"
        if done and not self.logs_in(self.told["recovery_codes"][0]):
            yield "a recovery code that was told does not count"
        if not done and not self.is_enrolled() and self.ask_again() != "confirmed":
            yield "it could not be confirmed any more"

    def next_login(self):
        return self.is_enrolled() and super().next_login()


class Replace(Change):
    """The old phone works, or the new one: the old one until the new one is confirmed."""

    NAME = "replace"

    def make(self):
        self.old = super().make()
        request = {"replace": {"label": None, "renew_codes": False, "proof": self.old.phone.fresh()}}
        pending = service.ask(self.old.person, request)["pending"]
        return enrollment.Enrolled(self.old.person, Phone(pending["uri"], self.clock),
                                   self.old.recovery_codes)

    def request(self):
        return {"confirm": {"code": self.code()}}

    def judge(self, outcome):
        self.old_counts = self.logs_in(self.old.phone.codes(self.step)[0])
        if outcome == "confirmed" and self.old_counts:
            yield "replaced, and the old phone still counts"
        if outcome == "confirmed" and self.logs_in(self.code()):
            yield "confirmed, and the same code once more"
        if self.old_counts and self.logs_in(self.code(1)):
            yield "both phones count"
        if not self.logs_in(self.somebody.recovery_codes[0]):
            yield "a recovery code was lost"

    def next_login(self):
        step = max(self.step + 1, self.old.phone.step())
        return super().next_login() or self.logs_in(self.old.phone.codes(step)[0])


class Regenerate(Change):
    NAME = "regenerate"

    def request(self):
        return {"regenerate_recovery_codes": {"proof": self.code()}}

    def judge(self, outcome):
        old_count = self.logs_in(self.somebody.recovery_codes[0])
        if outcome == "recovery codes":
            if old_count:
                yield "new recovery codes, and an old one still counts"
            if not self.logs_in(self.told["recovery_codes"][0]):
                yield "a recovery code that was told does not count"
        if not old_count and self.logs_in(self.code()):
            yield "new recovery codes, and their proof once more"


class Remove(Change):
    """The last authenticator: the person is enrolled as before, or no more."""

    NAME = "remove"

    def request(self):
        return {"remove": {"label": None, "proof": self.code()}}

    def judge(self, outcome):
        self.enrolled = self.is_enrolled()
        if outcome == "removed" and self.enrolled:
            yield "removed, and still there"

    def next_login(self):
        return super().next_login() if self.enrolled else not is_asked(self.somebody)


class Admin(Scenario):
    """One of root's commands."""

    SERVED = False
    MARKER = f'execve("{TWOSTEP}"'

    def outcome(self, done):
        return {0: "done", 1: "refused"}.get(done.returncode, "no answer")


class Suspend(Admin):
    NAME = "admin suspend"

    def line(self):
        return [TWOSTEP, "admin", "suspend", self.somebody.name, "--for", "2h"]

    def judge(self, outcome):
        self.asked = is_asked(self.somebody)
        if outcome == "done" and self.asked:
            yield "suspended, and still asked for a code"

    def next_login(self):
        return super().next_login() if self.asked else not is_asked(self.somebody)


class Import(Admin):
    NAME = "admin import"

    def make(self):
        self.file = f"{BATCH}-{id(self)}"
        person = people.add()
        key = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
        with open(self.file, "w", encoding="ascii") as out:
            out.write(f"user,secret\n{person.name},{key}\n")
        return enrollment.Enrolled(person, Phone(f"otpauth://totp/x?secret={key}", self.clock))

    def line(self):
        return [TWOSTEP, "admin", "import", "batch", self.file, "--yes"]

    def judge(self, outcome):
        if outcome != "done" and not is_asked(self.somebody) and self.run() != "done":
            yield "another try was refused"
        if not is_asked(self.somebody):
            yield "imported, and not asked for a code"


CHANGES = (Enroll, Confirm, Replace, Regenerate, Remove, Suspend, Import)
