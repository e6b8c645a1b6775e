"""What a network adds to the composer: who reads the answer, until when it may leave, what is allowed afterwards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext as _
from django.utils.translation import override

from comptoir.accounts.models import User
from comptoir.channels.base import Window
from comptoir.channels.models import ApprovedTemplate
from comptoir.channels.registry import channels
from comptoir.conversations.models import Conversation
from comptoir.conversations.queries import Said
from comptoir.core import clock
from comptoir.core.errors import InputError
from comptoir.core.types import Template
from comptoir.outbound.roads import Road, private_roads
from comptoir.outbound.services import filled, places_in
from comptoir.outbound.windows import FREE, Standing, last_asked, standing, templates_of


@dataclass(frozen=True, slots=True)
class Choice:
    """An approved text as the composer offers it; `places` are the numbers of what is to be filled in."""

    pk: int
    name: str
    language: str
    body: str
    places: Sequence[int]


@dataclass(frozen=True, slots=True)
class Network:
    """The network's part of the composer. Empty for a mailbox, a form, a chat."""

    is_public: bool = False
    stands: Standing = FREE
    templates: Sequence[Choice] = field(default_factory=tuple)
    answering: Said | None = None  # the message that was chosen to be answered
    private: Road | None = None  # the private way to its author
    acknowledgement: str = ""

    @property
    def window(self) -> Window | None:
        """Until when answers are free."""
        return self.stands.window


def network_of(user: User, conversation: Conversation, messages: Sequence[Said], *, answers: str) -> Network:
    """Return what the network adds to a conversation's composer; `answers` is the number of a chosen message."""
    channel = channels().get(conversation.channel)
    if channel is None or not (conversation.is_public or channel.window):
        return Network()
    stands = standing(conversation, last_asked(conversation), at=clock.now()) if channel.window else FREE
    chosen = next((m for m in messages if str(m.pk) == answers and m.kind == "in"), None)
    roads = private_roads(user, conversation)
    wanted = chosen.author_address if chosen else ""
    private = next((r for r in roads if r.asked and r.asked.author_address == wanted), None) or next(iter(roads), None)
    templates = [_choice(one) for one in templates_of(conversation)] if stands.needs_template else []
    return Network(conversation.is_public, stands, templates, chosen, private, acknowledgement_of(conversation))


def _choice(one: ApprovedTemplate) -> Choice:
    return Choice(one.pk, one.name, one.language, one.body, range(1, places_in(one.body) + 1))


def acknowledgement_of(conversation: Conversation) -> str:
    """Return what is said in public when an answer goes private, in the customer's language."""
    with override("fr" if conversation.language == "fr" else "en"):
        return _("We have just written to you in a private message.")


def template_in(conversation: Conversation, asked: Mapping[str, str], values: Sequence[str]) -> tuple[Template, str]:
    """Return the template that a form chose, filled in, and its text. Raises InputError."""
    known = {str(one.pk): one for one in templates_of(conversation)}
    one = known.get(asked.get("template", ""))
    if one is None:
        raise InputError(_("Choose an approved text."), field="template")
    given = tuple(value.strip() for value in values)
    return Template(one.name, one.language, given), filled(one.body, given)
