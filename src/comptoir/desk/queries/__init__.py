"""The readers of the desk's own screens: search, contacts, the intake, the channels' health."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import F, Func, IntegerField, Max

from comptoir.accounts.models import Role, User
from comptoir.channels.models import ChannelAccount
from comptoir.channels.registry import channels
from comptoir.contacts.access import accessible_contacts
from comptoir.contacts.models import Contact
from comptoir.conversations.models import MessageKind
from comptoir.conversations.queries import Said, teams_of
from comptoir.inbound.models import Record, RecordState


@dataclass(frozen=True, slots=True)
class Choice:
    """A person or a team that a conversation can be given to."""

    pk: int
    name: str


def members_of(team_id: int) -> list[Choice]:
    """Return the active people of a team: those whom its conversations can be given to."""
    found = (
        User.objects.filter(is_active=True, memberships__team_id=team_id).exclude(role=Role.AUDITOR).order_by("name")
    )
    return [Choice(*row) for row in found.values_list("pk", "name")]


def participants_of(messages: Sequence[Said], contact_id: int) -> list[str]:
    """Return who else took part: other authors and the people in copy, each once."""
    found: dict[str, str] = {}
    for message in messages:
        if message.kind == MessageKind.INBOUND and message.contact_id != contact_id:
            found.setdefault(message.author_address, message.author_name or message.author_address)
        for entry in message.recipients.get("cc", ()):
            found.setdefault(entry.get("address", ""), entry.get("name") or entry.get("address", ""))
    return [name for address, name in found.items() if address]


# By words of the name (GIN, contact_words) and by the beginning of an address (identity_once, one range a kind).
FIND_CONTACTS = """
SELECT id FROM (
    (SELECT k.id FROM contacts_contact k
     WHERE to_tsvector('simple'::regconfig, comptoir_fold(k.name || ' ' || k.company))
           @@ to_tsquery('simple', %(words)s) LIMIT 200)
    UNION
    (SELECT i.contact_id FROM contacts_identity i
     WHERE i.kind = ANY(%(kinds)s) AND i.address >= %(start)s AND i.address < %(end)s LIMIT 200)
) found
"""


def find_contacts(user: User, text: str, *, limit: int = 8) -> list[Contact]:
    """Return contacts by the beginning of the words of their name or of an address; of the person's teams only."""
    text = text.strip().lower()[:100]
    words = re.findall(r"\w+", text)
    if len(text) < 2 or not words:
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT comptoir_fold(%s)", [" & ".join(f"{word}:*" for word in words)])
        folded = cursor.fetchone()[0]
        params = {"words": folded, "kinds": list(identity_kinds()), "start": text, "end": text + "\U0010ffff"}
        cursor.execute(FIND_CONTACTS, params)
        ids = [row[0] for row in cursor.fetchall()]
    found = accessible_contacts(user).filter(pk__in=ids).prefetch_related("identities")
    return list(found.order_by("name", "pk")[:limit])


def identity_kinds() -> set[str]:
    """Return the networks that identities can be on."""
    return {channel.identity_kind for channel in channels().values()}


def newest_contacts(user: User, *, before: int | None = None, limit: int = 50) -> tuple[list[Contact], int | None]:
    """Return the newest of the person's contacts, and where the next page begins.

    Looks at a bounded number of the newest contacts and then asks whose they are: asked the other way round, the
    database would collect the contacts of all conversations first.
    """
    newest = Contact.objects.filter(merged_into__isnull=True)
    if before:
        newest = newest.filter(pk__lt=before)
    ids = list(newest.order_by("-id").values_list("pk", flat=True)[: limit * 10])
    found = list(accessible_contacts(user).filter(pk__in=ids).order_by("-id").prefetch_related("identities")[:limit])
    if len(found) == limit:
        return found, found[-1].pk
    return found, ids[-1] if len(ids) == limit * 10 else None


def accounts_of(user: User) -> list[ChannelAccount]:
    """Return the channel accounts of the person's teams."""
    found = ChannelAccount.objects.filter(team_id__in=[team.pk for team in teams_of(user)])
    return list(found.select_related("team").defer("credentials").order_by("kind", "name"))


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
