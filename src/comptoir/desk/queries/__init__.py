"""The readers of the desk's screens: the intake, the channels' health. Contacts and search have files of their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import F, Func, IntegerField, Max

from comptoir.accounts.models import User
from comptoir.accounts.queries import team_ids_of
from comptoir.channels.models import ChannelAccount
from comptoir.conversations.models import Conversation, MessageKind
from comptoir.conversations.queries import Said
from comptoir.core import bulk
from comptoir.inbound.models import Record, RecordState


@dataclass(frozen=True, slots=True)
class Choice:
    """A person or a team that a conversation can be given to."""

    pk: int
    name: str


# People and teams in one statement: both stand in the same menu of every conversation.
CHOICES = """
SELECT 'person', u.id, u.name FROM accounts_user u JOIN accounts_membership m ON m.user_id = u.id
WHERE m.team_id = %s AND u.is_active AND u.role <> 'auditor'
UNION ALL SELECT 'team', id, name FROM accounts_team ORDER BY 1, 3
"""


@dataclass(frozen=True, slots=True)
class Takers:
    """To whom a conversation can be given: the active people of its team (they can be called in it too), all teams."""

    people: Sequence[Choice]
    teams: Sequence[Choice]


def takers_of(conversation: Conversation) -> Takers:
    """Return to whom a conversation can be given, by name; read once a request."""
    known: Takers | None = getattr(conversation, "_takers", None)
    if known is None:
        rows = bulk.fetch_all(CHOICES, [conversation.team_id])
        known = Takers(
            *([Choice(pk, name) for kind, pk, name in rows if kind == wanted] for wanted in ("person", "team"))
        )
        conversation._takers = known  # type: ignore[attr-defined]  # lives as long as the request's row
    return known


def participants_of(messages: Sequence[Said], contact_id: int) -> list[str]:
    """Return who else took part: other authors and the people in copy, each once."""
    found: dict[str, str] = {}
    for message in messages:
        if message.kind == MessageKind.INBOUND and message.contact_id != contact_id:
            found.setdefault(message.author_address, message.author_name or message.author_address)
        for entry in message.recipients.get("cc", ()):
            found.setdefault(entry.get("address", ""), entry.get("name") or entry.get("address", ""))
    return [name for address, name in found.items() if address]


def accounts_of(user: User) -> list[ChannelAccount]:
    """Return the channel accounts of the person's teams."""
    found = ChannelAccount.objects.filter(team_id__in=team_ids_of(user))
    return list(found.select_related("team").defer("credentials").order_by("kind", "name"))


KINDS = "SELECT DISTINCT kind FROM channels_channelaccount WHERE team_id = ANY(%s)"


def kinds_of(user: User) -> set[str]:
    """Return the channels by which the public can write to the person's teams."""
    return {row[0] for row in bulk.fetch_all(KINDS, [team_ids_of(user)])}


INTAKE_PAGE = 50
INTAKE_SPAN = 200_000  # records looked at for one page of a state that has no index of its own

# Set aside (record_failed) and all (record_by_account) come from an index in this order, account by account.
INTAKE = """
SELECT p.id FROM unnest(%(accounts)s::bigint[]) AS mine(account_id) CROSS JOIN LATERAL (
    SELECT r.id FROM inbound_record r WHERE r.account_id = mine.account_id {narrow} ORDER BY r.id DESC LIMIT %(limit)s
) p ORDER BY p.id DESC LIMIT %(limit)s
"""
# What is pending is little, and has a partial index of its own (record_pending_by_shard).
INTAKE_PENDING = """
WITH pending AS MATERIALIZED (SELECT id, account_id FROM inbound_record WHERE state = 0 LIMIT 100000)
SELECT id FROM pending r WHERE account_id = ANY(%(accounts)s) {narrow} ORDER BY id DESC LIMIT %(limit)s
"""


def intake_page(
    accounts: Sequence[int], *, state: int | None, before: int | None = None, limit: int = INTAKE_PAGE
) -> tuple[Sequence[Record], int | None]:
    """Return a page of the inbound log of some accounts, newest first, without the raw bytes, and the next page.

    A page of ignored or digested records looks at a bounded span of the log; the next page goes on below it.
    """
    bottom = 0
    narrow = "AND r.id < %(before)s " if before else ""
    if state in {RecordState.DONE, RecordState.IGNORED}:
        top = before or (Record.objects.aggregate(newest=Max("id"))["newest"] or 0) + 1
        bottom = max(0, top - INTAKE_SPAN)
        narrow += "AND r.id >= %(bottom)s "
    if state not in {None, RecordState.PENDING}:
        narrow += "AND r.state = %(state)s"
    query = INTAKE_PENDING if state == RecordState.PENDING else INTAKE
    params: dict[str, Any] = {
        "accounts": list(accounts), "state": state, "before": before, "bottom": bottom, "limit": limit + 1,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(query.replace("{narrow}", narrow), params)
        ids = [row[0] for row in cursor.fetchall()]
    rows = Record.objects.filter(pk__in=ids).select_related("account").defer("raw", "account__credentials")
    size = Func(F("raw"), function="octet_length", output_field=IntegerField())
    found = list(rows.annotate(size=size).order_by("-id"))
    return found[:limit], found[limit - 1].pk if len(found) > limit else bottom or None


@dataclass(frozen=True, slots=True)
class Backlog:
    """What one account has not digested, not understood and not delivered."""

    pending: int = 0
    oldest: datetime | None = None
    failed: int = 0
    troubled: int = 0


BACKLOG = """
SELECT a.id, coalesce(p.number, 0), p.oldest,
       (SELECT count(*) FROM (SELECT FROM inbound_record r WHERE r.account_id = a.id AND r.state = 2 LIMIT 1000) f),
       (SELECT count(*) FROM (SELECT FROM outbound_delivery d
                              WHERE d.account_id = a.id AND d.state IN ('failed', 'unconfirmed') LIMIT 1000) t)
FROM unnest(%(accounts)s::bigint[]) AS a(id)
LEFT JOIN (SELECT account_id, count(*) AS number, min(received_at) AS oldest
           FROM (SELECT account_id, received_at FROM inbound_record WHERE state = 0 LIMIT 100000) waiting
           GROUP BY account_id) p ON p.account_id = a.id
"""


def backlogs(accounts: Sequence[int]) -> dict[int, Backlog]:
    """Return the backlog of each account, in one statement over partial indexes."""
    with connection.cursor() as cursor:
        cursor.execute(BACKLOG, {"accounts": list(accounts)})
        return {row[0]: Backlog(*row[1:]) for row in cursor.fetchall()}
