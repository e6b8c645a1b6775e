"""What a search asks beside its words, as conditions of SQL: whose, where, when, in which state (INV-06).

Only constants become SQL; what a person typed travels as parameters. A condition is about the message (`m`), and is
asked where messages are read, or about its conversation (`c`), and is asked of the candidates. Where the conversations
that are meant are few, they are found first (`within`): their messages are read and nothing else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from django.utils import timezone

from comptoir.accounts.models import User
from comptoir.accounts.queries import colleagues_of, teams_of
from comptoir.channels.models import ChannelAccount
from comptoir.channels.registry import channels
from comptoir.contacts.access import accessible_contacts
from comptoir.contacts.models import Contact
from comptoir.conversations.listing import WAITING
from comptoir.conversations.models import Label
from comptoir.conversations.queries import TIMELINE_PAGE
from comptoir.core import clock
from comptoir.desk.highlight import fold
from comptoir.desk.queries.people import MOST, contact_ids
from comptoir.desk.search_words import (
    KINDS,
    STATES,
    Asked,
    Filter,
    Known,
    Part,
    Person,
    Trouble,
    is_called,
    split,
    understand,
)

WITHIN = 1000  # so many conversations are read message by message; beyond, the messages are walked over
PEOPLE = 50  # contacts that one name may mean
# Whether a message is too far back for the first page of its conversation (message_timeline).
IS_FAR = f"""(SELECT count(*) FROM (SELECT FROM conversations_message x
    WHERE x.conversation_id = m.conversation_id AND (x.created_at, x.id) > (m.created_at, m.id)
    LIMIT {TIMELINE_PAGE}) later) = {TIMELINE_PAGE}"""  # noqa: S608  # constants only
WITHIN_THESE = "SELECT c.id FROM conversations_conversation c WHERE {where} LIMIT %(most)s"
LABELLED = """EXISTS (SELECT FROM conversations_labelling g
WHERE g.conversation_id = c.id AND g.label_id = ANY(%(labels)s))"""
UNREAD = """coalesce((SELECT r.read_at < c.last_message_at FROM conversations_readmark r
    WHERE r.conversation_id = c.id AND r.user_id = %(user)s), true)"""


@dataclass(slots=True)
class Narrowing:
    """The conditions of one search."""

    known: Known
    values: dict[str, Any]
    message: list[str] = field(default_factory=list)
    conversation: list[str] = field(default_factory=list)
    # About a message and its conversation together, or about what no index of conversations serves: `near` would read
    # all solved conversations for one rare channel.
    both: list[str] = field(default_factory=list)
    is_few: bool = False  # whether the conditions on conversations may leave few of them
    has_notes_only: bool = False  # an index of their own leads from one note to the one before
    has_authors: bool = False  # all meant are by contacts that are known: an index leads to them
    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_dated(self) -> bool:
        """Whether a span of time is asked for: then messages are walked over in the order of time."""
        return self.since is not None or self.until is not None

    def about_message(self) -> str:
        """Return the condition on a message, as SQL."""
        return " AND ".join(self.message) or "true"

    def about_conversation(self) -> str:
        """Return the condition on its conversation, as SQL."""
        return " AND ".join([*self.conversation, *self.both])

    def near(self, cursor: Any) -> str:
        """Return the condition on a message that leads to few of them; '' where the search has none."""
        if self.has_authors:
            return "m.contact_id = ANY(%(authors)s)"
        if not self.is_few:
            return ""
        if "within" not in self.values:
            where = " AND ".join(self.conversation)
            cursor.execute(WITHIN_THESE.format(where=where), self.values | {"most": WITHIN + 1})
            self.values["within"] = [row[0] for row in cursor.fetchall()]
        return "m.conversation_id = ANY(%(within)s)" if len(self.values["within"]) <= WITHIN else ""


def known_to(user: User, text: str) -> Known:
    """Return what the filters of a search can name for this person; people are read only where a filter needs them."""
    typed = {part.filter for part in split(text)}
    people: list[Person] = []
    if typed & {"assignee", "from"}:
        people = [Person(*row) for row in colleagues_of(user).values_list("pk", "name", "email")]
    return Known(
        today=timezone.localtime(clock.now()).date(),
        me=user.pk,
        channels={kind: (str(channel.label),) for kind, channel in channels().items()},
        teams={team.pk: team.name for team in teams_of(user)},
        people=people,
        labels=(dict(Label.objects.values_list("pk", "name")) or None) if "label" in typed else {},
    )


def narrow(user: User, text: str) -> tuple[Asked, Narrowing]:
    """Understand a search for a person and return its conditions; names that mean nobody are told as well."""
    known = known_to(user, text)
    asked = understand(text, known)
    found = Narrowing(known, {"user": user.pk, "teams": list(known.teams)}, conversation=["c.team_id = ANY(%(teams)s)"])
    asked = _people(user, found, asked, known)
    _message_filters(found, asked)
    _conversation_filters(found, asked)
    return asked, found


def _people(user: User, found: Narrowing, asked: Asked, known: Known) -> Asked:
    """Find whom `from:` and `to:` mean, and add their conditions; who means nobody is told."""
    authors, asked = _contacts(user, asked, "from")
    writers = {f.part: _staff(f, known) for f in asked.of("from")}
    asked = _without_nobody(asked, "from", authors, writers)
    if asked.of("from"):
        found.values |= {"authors": _all(authors), "writers": _all(writers)}
        by_contact, by_staff = "m.contact_id = ANY(%(authors)s)", "m.user_id = ANY(%(writers)s)"
        found.has_authors = not found.values["writers"]
        found.message.append(by_contact if found.has_authors else f"({by_contact} OR {by_staff})")
    receivers, asked = _contacts(user, asked, "to")
    accounts = {f.part: _accounts(f, known) for f in asked.of("to")}
    mine = {f.part: list(f.value) for f in asked.of("to") if isinstance(f.value, tuple)}
    asked = _without_nobody(asked, "to", receivers, accounts, mine)
    if asked.of("to"):
        _to(found, _all(receivers), _all(accounts), _all(mine))
    return asked


def _all(found: Mapping[Part, Sequence[int]]) -> list[int]:
    return sorted({pk for ids in found.values() for pk in ids})


def _staff(chosen: Filter, known: Known) -> list[int]:
    if isinstance(chosen.value, tuple):
        return list(chosen.value)
    typed = fold(str(chosen.value))
    return [person.pk for person in known.people if is_called(typed, person.name, person.address)]


def _accounts(chosen: Filter, known: Known) -> list[int]:
    """Return the addresses of the person's teams that begin as it was typed."""
    if not isinstance(chosen.value, str):
        return []
    found = ChannelAccount.objects.filter(address__istartswith=chosen.value, team_id__in=list(known.teams))
    return list(found.values_list("pk", flat=True))


def _contacts(user: User, asked: Asked, name: str) -> tuple[dict[Part, list[int]], Asked]:
    """Return the contacts whom the filters of a name can mean, and tell of names that mean too many."""
    found = {f.part: contact_ids(f.value) for f in asked.of(name) if isinstance(f.value, str)}
    seen = {part: _seen(user, ids) for part, ids in found.items()}
    many = [Trouble(part, "many") for part, ids in found.items() if len(ids) >= MOST or len(seen[part]) > PEOPLE]
    return {part: ids[:PEOPLE] for part, ids in seen.items()}, replace(asked, troubles=(*asked.troubles, *many))


def _seen(user: User, ids: Sequence[int]) -> list[int]:
    """Leave out the contacts whom the person may not see: that a name exists is told as well (INV-06)."""
    stands_for = {pk: into or pk for pk, into in Contact.objects.filter(pk__in=ids).values_list("pk", "merged_into_id")}
    mine = accessible_contacts(user).filter(pk__in=set(stands_for.values())).values_list("pk", flat=True)
    seen = set(mine)
    return sorted(pk for pk, into in stands_for.items() if into in seen)


def _without_nobody(asked: Asked, name: str, *ways: Mapping[Part, Sequence[int]]) -> Asked:
    """Turn the filters that mean nobody in any way into troubles."""
    unknown = [f for f in asked.of(name) if not any(way.get(f.part) for way in ways)]
    filters = tuple(chosen for chosen in asked.filters if chosen not in unknown)
    return replace(asked, filters=filters, troubles=(*asked.troubles, *(Trouble(f.part, "nobody") for f in unknown)))


def _to(found: Narrowing, receivers: list[int], accounts: list[int], mine: list[int]) -> None:
    """Add the condition of `to:`: what we sent to a contact, what came to one of our addresses or to my own work."""
    found.values |= {"receivers": receivers, "accounts": accounts, "mine": mine}
    ways = ["m.kind = 'out' AND c.contact_id = ANY(%(receivers)s)"] if receivers else []
    ways += ["m.kind = 'in' AND c.account_id = ANY(%(accounts)s)"] if accounts else []
    ways += ["m.kind = 'in' AND c.assignee_id = ANY(%(mine)s)"] if mine else []
    found.both.append("(" + " OR ".join(ways) + ")")
    if receivers and len(ways) == 1:
        found.message.append("m.kind = 'out'")
        found.conversation.append("c.contact_id = ANY(%(receivers)s)")
        found.is_few = True
    else:
        found.message.append("m.kind <> 'note'")


def _day(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))


def _message_filters(found: Narrowing, asked: Asked) -> None:
    kinds = [KINDS[value] for value in asked.values("is") if value in KINDS]
    if set(kinds) == {"note"}:
        found.has_notes_only = True
        found.message.append("m.kind = 'note'")  # as the condition of message_notes says it
    elif kinds:
        found.values["kinds"] = kinds
        found.message.append("m.kind = ANY(%(kinds)s)")
    if asked.of("has"):
        found.message.append("m.attachment_count > 0")
    if before := asked.dates("before"):
        found.until = found.values["until"] = _day(max(min(before), date(1971, 1, 1)))
        found.message.append("m.created_at < %(until)s")
    if after := asked.dates("after"):
        found.since = found.values["since"] = _day(min(max(after), date.max - timedelta(days=2)))
        found.message.append("m.created_at >= %(since)s")


def _conversation_filters(found: Narrowing, asked: Asked) -> None:
    add, is_ = found.conversation.append, asked.values("is")
    if channel := asked.values("channel"):
        found.values["channels"] = channel
        found.both.append("c.channel = ANY(%(channels)s)")
    if teams := asked.numbers("team"):
        found.values["teams"] = [pk for pk in found.values["teams"] if pk in teams]
    if labels := asked.numbers("label"):
        found.values["labels"] = labels
        add(LABELLED)
    if numbers := asked.numbers("in"):
        found.values["numbers"] = numbers
        add("c.id = ANY(%(numbers)s)")
    states = [value for value in is_ if value in STATES and value != "waiting"]
    ways = ["c.state = ANY(%(states)s)"] if states else []
    ways += [f"({WAITING})"] if "waiting" in is_ else []
    if ways:
        found.values["states"] = states
        add("(" + " OR ".join(ways) + ")")
    owners = asked.numbers("assignee") + [found.values["user"]] * ("mine" in is_) + [0] * ("unassigned" in is_)
    if owners:
        found.values["owners"] = [pk for pk in owners if pk]
        add("(c.assignee_id = ANY(%(owners)s) OR c.assignee_id IS NULL)" if 0 in owners
            else "c.assignee_id = ANY(%(owners)s)")  # fmt: skip
    found.is_few = found.is_few or bool(numbers or ways or owners or labels)
    if "unread" in is_:
        found.both.append(UNREAD)
