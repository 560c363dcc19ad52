"""All series in turn, a login of each, in another order each round: what else the machine does meanwhile
then falls on all alike."""

import random
import time

SUCCESS = 0


def run(series, settings):
    """Gives how many rounds there were."""
    order, until = random.Random(7), time.monotonic() + settings.patience
    for number in range(-settings.warm_up, settings.rounds):
        if number > 0 and time.monotonic() > until:
            return number
        for one in order.sample(series, len(series)):
            if number % one.every == 0:
                told = one.room.client.log_in(one.login)
                if number >= 0:
                    one.told.append(told)
    return settings.rounds


def settle(room, login, user, wrong):
    """Logs a user in once today, with all that was given to them: what is measured is not the first
    login of the day. `login` makes one from a service and an answer."""
    answers = [("twostep", user.device.right())]
    answers += [("mail", password) for password in user.passwords]
    for service, answer in answers:
        told = room.client.log_in(login(service, user, lambda answer=answer: answer))
        assert told.result == SUCCESS, f"{user.name} was refused at {service} before anything was measured"
    if user.passwords:
        told = room.client.log_in(login("mail", user, lambda: wrong))
        assert told.result != SUCCESS, f"a wrong password of {user.name} was accepted"
    room.keep_user(user)
