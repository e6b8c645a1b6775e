"""The part of the kill test that runs inside the installation under test, as a program of its own (see killing.py).

python -m comptoir.testing.killing_inside prepare URL     connect a sandbox account that delivers to URL
python -m comptoir.testing.killing_inside reply COUNT     queue COUNT replies, through every crash of the database
"""

import json
import sys
import time

import django

django.setup()

from django.db import Error as DatabaseError  # noqa: E402
from django.db import connection  # noqa: E402

from comptoir.accounts.models import Team, User  # noqa: E402
from comptoir.accounts.services import actor_of, create_person  # noqa: E402
from comptoir.channels.services import connect_account  # noqa: E402
from comptoir.conversations.models import Conversation, Message  # noqa: E402
from comptoir.journal.services import SYSTEM  # noqa: E402
from comptoir.outbound.services import Draft, queue_reply  # noqa: E402

SECRET = "kill-secret"  # of an account that exists only in this test
PATIENCE_SECONDS = 180


def prepare(url: str) -> None:
    """Create a team, an agent and an account, and print what the driver needs."""
    team, _ = Team.objects.get_or_create(name="Service")
    create_person(actor=SYSTEM, email="agent@kill.test", name="Agent", password=None, role="agent", teams=[team])
    values = {"secret": SECRET, "url": url}
    account = connect_account(actor=SYSTEM, kind="sandbox", name="Sandbox", team=team, values=values)
    print(json.dumps({"account": account.pk, "key": account.public_key, "secret": SECRET}))


def reply(count: int) -> None:
    """Queue `count` replies with distinct texts to the conversations as they appear; a lost commit is looked up."""
    number, until = 0, time.monotonic() + PATIENCE_SECONDS
    while number < count and time.monotonic() < until:
        try:
            number += _reply_once(number)
        except DatabaseError:
            connection.close()
            time.sleep(0.2)
        time.sleep(0.02)
    print(json.dumps({"queued": number}))


def _reply_once(number: int) -> bool:
    text = f"reply {number}"
    if Message.objects.filter(kind="out", text=text).exists():
        return True  # the commit before the crash did arrive
    conversation = Conversation.objects.order_by("-id")[number % 7 :].first()
    if conversation is None:
        return False
    user = User.objects.get()
    queue_reply(actor=actor_of(user), user=user, conversation=conversation, draft=Draft(text=text))
    return True


if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        prepare(sys.argv[2])
    else:
        reply(int(sys.argv[2]))
