"""What is measured: each series is one kind of login, repeated."""

from dataclasses import dataclass, field

import peers
from rooms import Room
from stage import PASSWORD

EMPTY, UNIX, TWOSTEP = "empty stack", "pam_unix, yescrypt", "Twostep"
GOOGLE, NOSKEWADJ, OATH = "google-authenticator", "google-authenticator noskewadj", "pam_oath"
PEERS = (GOOGLE, NOSKEWADJ, OATH)
RIGHT, WRONG, RECOVERY = "right code", "wrong code", "recovery code"
FIRST_OF_THE_DAY = "right code, first of the day"
RIGHT_PASSWORD, WRONG_PASSWORD = "right password", "wrong password"
RIGHT_APP, WRONG_APP = "right application password", "wrong application password"
NOTHING = "nothing asked"

# Of the form of an application password, and nobody's.
NO_PASSWORD = "0123-4567-89AB-CDEF-GHJK-MNPQ"
# Slow logins are repeated less often, that the whole stays short. Of so many rounds they take one.
SLOW, SLOWER = 4, 20


@dataclass(frozen=True)
class Login:
    """One login, and what is put back before it."""

    service: str
    user: object
    answer: object
    back: tuple = ()


@dataclass(frozen=True)
class Kind:
    """What a series is called: who is asked, what is given, how many users there are, and what is
    special about the account."""

    stack: str
    given: str
    users: int = 1
    account: str = ""


@dataclass
class Series:
    kind: Kind
    room: Room
    login: Login
    accepted: bool
    every: int = 1
    told: list = field(default_factory=list)


class Plan:
    """All series of one place, the disk or memory."""

    def __init__(self, rooms, users, counts):
        self.rooms, self.users, self.counts = rooms, users, counts
        # Of many users; those with an account of their own kind are here too.
        self.crowd = rooms[counts[1]]
        self.series = []

    def all(self):
        self.without_a_second_step()
        self.google()
        self.oath()
        self.growing()
        self.accounts()
        self.rare()
        return self.series

    def add(self, kind, login, accepted=True, every=1, room=None):
        room = room or self.rooms[self.counts[0]]
        self.series.append(Series(kind, room, login, accepted, every))

    def without_a_second_step(self):
        alice = self.users["alice"]
        self.add(Kind(EMPTY, NOTHING), Login("empty", alice, lambda: "-"))
        self.add(Kind(UNIX, RIGHT_PASSWORD), Login("unix", alice, lambda: PASSWORD), every=SLOWER)
        self.add(Kind(UNIX, WRONG_PASSWORD), Login("unix", alice, lambda: NO_PASSWORD), False, SLOWER)

    def google(self):
        alice = self.users["alice"]
        back = (peers.back(peers.google_state(alice)),)
        for stack, service in ((GOOGLE, "google"), (NOSKEWADJ, "google-noskewadj")):
            self.add(Kind(stack, RIGHT), Login(service, alice, alice.device.right, back))
            self.add(Kind(stack, WRONG), Login(service, alice, alice.device.wrong, back), False)
        self.add(Kind(GOOGLE, RECOVERY), Login("google", alice, lambda: peers.SCRATCH_CODE, back))

    def oath(self):
        """A wrong code changes nothing there, so nothing need be put back."""
        alice = self.users["alice"]
        for count in self.counts:
            name = peers.oath_name(count)
            every = SLOWER if count > 50_000 else SLOW if count > 5000 else 1
            right = Login(name, alice, alice.device.right, (peers.back(name),))
            self.add(Kind(OATH, RIGHT, count), right, every=every)
            self.add(Kind(OATH, WRONG, count), Login(name, alice, alice.device.wrong), False, every)

    def growing(self):
        for count in self.counts:
            self.code(self.users["alice"], count, "")

    def accounts(self):
        """Accounts with more on them."""
        self.code(self.users["five"], self.counts[1], "5 authenticators")
        for name in ("app1", "app10", "app50"):
            user = self.users[name]
            account = named(len(user.passwords))
            self.code(user, self.counts[1], account)
            self.password(user, account)

    def code(self, user, count, account):
        room = self.rooms[count]
        back = twostep_back(room, user)
        right, wrong = (Login("twostep", user, answer, back)
                        for answer in (user.device.right, user.device.wrong))
        self.add(Kind(TWOSTEP, RIGHT, count, account), right, room=room)
        self.add(Kind(TWOSTEP, WRONG, count, account), wrong, False, room=room)

    def password(self, user, account):
        back = twostep_back(self.crowd, user)
        right, wrong = (Login("mail", user, answer, back)
                        for answer in (lambda: user.passwords[-1], lambda: NO_PASSWORD))
        count = self.counts[1]
        self.add(Kind(TWOSTEP, RIGHT_APP, count, account), right, room=self.crowd)
        self.add(Kind(TWOSTEP, WRONG_APP, count, account), wrong, False, room=self.crowd)

    def rare(self):
        """Logins that write the account to the disk."""
        rita, dora, count = self.users["rita"], self.users["dora"], self.counts[1]
        recovery = Login("twostep", rita, lambda: rita.recovery_code, account_back(self.crowd, rita, "toml"))
        first = Login("twostep", dora, dora.device.right, account_back(self.crowd, dora, "yesterday"))
        self.add(Kind(TWOSTEP, RECOVERY, count), recovery, room=self.crowd)
        self.add(Kind(TWOSTEP, FIRST_OF_THE_DAY, count), first, room=self.crowd)


def named(passwords):
    return f"{passwords} application password" + ("s" if passwords > 1 else "")


def ledger_back(room, user):
    orders = [f"i:{room.kept}/{user.name}.ledger:/run/twostep/ledgers/{user.name}"]
    if user.passwords:
        orders.append(f"i:{room.kept}/{user.name}.refusals:/run/twostep/ledgers/{user.name}.refusals")
    return tuple(orders)


def twostep_back(room, user):
    """The ledger, and of the account the time of change, which is all that a usual login changes."""
    account = f"{user.name}.toml"
    return (*ledger_back(room, user), f"t:{room.kept}/{account}:/var/lib/twostep/accounts/{account}")


def account_back(room, user, kept):
    account = f"/var/lib/twostep/accounts/{user.name}.toml"
    return (*ledger_back(room, user), f"w:{room.kept}/{user.name}.{kept}:{account}")
