"""Two people answer at once: whoever comes second is told before anything leaves, and may send all the same.

Must be asked in the transaction that sends: it locks the conversation, as sending does, so that of two answers at the
same instant one sees the other.
"""

from collections.abc import Sequence

from django.utils.translation import gettext as _

from comptoir.accounts.models import User
from comptoir.conversations.models import Conversation, Message, MessageKind
from comptoir.conversations.services import lock
from comptoir.core.errors import Conflict

MOST = 10  # messages told; more than that nobody reads above an answer


class Overtaken(Conflict):
    """Somebody wrote since the page was drawn; `written` is what they wrote, oldest first."""

    def __init__(self, written: Sequence[Message]) -> None:
        super().__init__(_("Somebody else wrote in the meantime. Read it, and then press again."))
        self.written = written


def refuse_unseen(*, user: User, conversation: Conversation, seen: int) -> None:
    """Raise Overtaken when the customer or somebody else wrote after the message `seen`, the last that the page shows.

    Machines' messages, notes, answers that were taken back, and what the person wrote in another tab do not count.
    """
    lock(conversation)
    found = Message.objects.filter(conversation=conversation, pk__gt=seen, automatic="")
    found = found.exclude(kind=MessageKind.NOTE).exclude(user=user).exclude(delivery__state="cancelled")
    if written := list(found.defer("html", "search").order_by("-pk")[:MOST]):
        raise Overtaken(written[::-1])
