"""The other ways to a contact: another of their conversations, a mailbox of ours that may write to their address, or,
from a public thread, a private message to one of its authors.

A road is named by a key that a form can carry: `c12` goes on in conversation 12, `m3:45` writes from account 3 to
identity 45, `p78` answers message 78 in private. A key is worth nothing by itself: it is looked up among the person's
own roads again (INV-06).
"""

from dataclasses import dataclass

from comptoir.accounts.models import User
from comptoir.accounts.queries import team_ids_of
from comptoir.channels.base import Capability
from comptoir.channels.models import ChannelAccount
from comptoir.channels.registry import channels
from comptoir.contacts.models import Identity
from comptoir.conversations.models import Conversation, Message, MessageKind, State
from comptoir.conversations.queries import story_of
from comptoir.core.errors import InputError
from comptoir.outbound.services import default_recipients, sending_account

AUTHORS = 5  # of a public thread who are offered
STORY = 50  # conversations of the contact that are looked at, newest first


@dataclass(frozen=True, slots=True)
class Road:
    """One other way. `conversation` None: one is opened there; `identity` None: whoever wrote there."""

    key: str
    account: ChannelAccount
    conversation: Conversation | None = None
    identity: Identity | None = None
    asked: Message | None = None  # the public message that is answered in private
    thread_key: str = ""  # of the private conversation


def _can_send(account: ChannelAccount) -> bool:
    found = channels().get(account.kind)
    return account.is_active and found is not None and found.send is not None


def roads_of(user: User, conversation: Conversation) -> list[Road]:
    """Return the ways to the contact but the usual one: their other threads first, then addresses of theirs."""
    story = _story(user, conversation)
    roads = private_roads(user, conversation)
    roads += [Road(f"c{other.pk}", other.account, other) for other in story if _can_go_on(other, conversation)]
    usual, addresses = _usual(conversation)
    threads: dict[int, Conversation] = {usual: conversation} if usual else {}
    for other in story:
        threads.setdefault(other.account_id, other)
    identities = list(Identity.objects.filter(contact=conversation.contact_id).order_by("-is_verified", "id"))
    for account in _starters(user):
        kind = channels()[account.kind].identity_kind
        for identity in identities:
            if identity.kind == kind and not (account.pk == usual and identity.address in addresses):
                roads.append(Road(f"m{account.pk}:{identity.pk}", account, threads.get(account.pk), identity))
    return roads


def private_roads(user: User, conversation: Conversation) -> list[Road]:
    """Return the private messages that can be sent to the authors of a public thread, the latest author first."""
    channel = channels().get(conversation.channel)
    if not conversation.is_public or channel is None or channel.private_thread is None:
        return []
    said = Message.objects.filter(conversation=conversation, kind=MessageKind.INBOUND).defer("search", "html")
    latest: dict[str, Message] = {}
    for message in said.order_by("-created_at", "-id")[:STORY]:
        latest.setdefault(message.author_address, message)
    roads: list[Road] = []
    for message in list(latest.values())[:AUTHORS]:
        facts = {**message.facts, "id": message.message_id, "author": message.author_address}
        if not (key := channel.private_thread(facts)):
            continue
        known = Conversation.objects.filter(account_id=conversation.account_id, thread_key=key).first()
        if known is None or known.team_id in team_ids_of(user):
            roads.append(Road(f"p{message.pk}", conversation.account, known, asked=message, thread_key=key))
    return roads


def _story(user: User, conversation: Conversation) -> list[Conversation]:
    found = story_of(user, conversation.contact_id, limit=STORY)
    accounts = ChannelAccount.objects.defer("credentials").in_bulk([other.account_id for other in found])
    for other in found:
        other.account = accounts[other.account_id]
    return found


def _can_go_on(other: Conversation, conversation: Conversation) -> bool:
    """Whether a thread of a channel that nobody can begin (a chat) can be gone on in; mailboxes come by address."""
    able = channels()[other.account.kind].capabilities if other.account.kind in channels() else frozenset()
    is_elsewhere = other.pk != conversation.pk and other.account_id != conversation.account_id
    return is_elsewhere and other.state != State.MERGED and _can_send(other.account) and Capability.STARTS not in able


def _starters(user: User) -> list[ChannelAccount]:
    """Return the accounts of the person's teams that may write first."""
    kinds = [kind for kind, found in channels().items() if Capability.STARTS in found.capabilities]
    teams = team_ids_of(user)
    found = ChannelAccount.objects.filter(kind__in=kinds, is_active=True, team_id__in=teams).defer("credentials")
    return [account for account in found.order_by("name") if _can_send(account)]


def _usual(conversation: Conversation) -> tuple[int, set[str]]:
    """Return by which account and to which addresses an answer goes anyway; account 0 where it cannot leave."""
    try:
        account = sending_account(conversation)
    except InputError:
        return 0, set()
    return account.pk, {person["address"].lower() for person in default_recipients(conversation)}


def road_of(user: User, conversation: Conversation, key: str) -> Road | None:
    """Return the road that a form names, if it is one of the person's."""
    return next((road for road in roads_of(user, conversation) if road.key == key), None)
