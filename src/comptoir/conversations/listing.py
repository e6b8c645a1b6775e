"""The lists of the queue: one machinery for the built-in tabs and for the views that people keep.

Everything starts from the person's teams (INV-06). A list is read team by team (and state by state) from the head of an
index and then merged, so that its cost depends on the length of a page and not on the number of conversations. What no
index serves (a word, an own field, a frequent label …) is looked for among the first WALK conversations of that order;
a page that ends there says so (`is_partial`), and the next one goes on where it stopped. Nothing ever walks further. A
rare label is read from its own index instead.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from comptoir.accounts.models import User
from comptoir.accounts.queries import team_ids_of
from comptoir.conversations.filtering import NEED_WAIT, QueueFilter
from comptoir.conversations.queries import Cursor
from comptoir.core import bulk, clock

QUEUE_PAGE = 50
WALK = 2_000  # conversations of one team and state that a page looks at: some 5 ms of work in a warm database
LIST_WALK = 20_000  # the same for 'all of this list', which somebody asked for and waits for
COUNT_WALK = 1_000  # the same for a count, because a person may have twenty views
MOST_RARE = 5  # labels of a list that is read so
RARE = 1_000  # conversations of a label that are read and sorted rather than walked past
COUNT_CAP = 1_000  # a count beyond 999 is shown as '999+': nobody acts on the difference, and counting on costs time
NAV_CAP = 100  # … of the navigation '99+': every page pays for it
WAITING = "c.state = 'open' AND c.waiting_since IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Sort:
    """An order: `columns` in their order under the names that a page gives them, all in one direction."""

    columns: tuple[tuple[str, str], ...]  # (name in a page, SQL)
    direction: str
    at: str = ""  # what a row shows as its instant, where the order has none

    def by(self, prefix: str) -> str:
        """Return the ORDER BY over a page's own names."""
        return ", ".join(f"{prefix}.{name} {self.direction}" for name, _column in self.columns)

    @property
    def inner(self) -> str:
        """Return the ORDER BY over the table."""
        return ", ".join(f"{column} {self.direction}" for _name, column in self.columns)

    @property
    def keys(self) -> str:
        """Return the columns that a page keeps of each row."""
        known = dict(self.columns)
        at = known.get("sort_at", self.at)
        return f"c.id, {known.get('rank', '0')} AS rank, {at} AS sort_at"


# 'due' takes its place here when the SLA app brings the column and its index.
SORTS = {
    # conversation_team_queue
    "wait": Sort((("sort_at", "c.waiting_since"), ("id", "c.id")), "ASC"),
    # conversation_team_urgent
    "priority": Sort((("rank", "(c.priority * -1)"), ("sort_at", "c.waiting_since"), ("id", "c.id")), "ASC"),
    # conversation_team_state
    "activity": Sort((("sort_at", "c.last_message_at"), ("id", "c.id")), "DESC"),
    # conversation_team_newest
    "newest": Sort((("id", "c.id"),), "DESC", at="c.created_at"),
}


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One line of the queue, complete: drawing it asks the database nothing."""

    id: int
    channel: str
    subject: str
    preview: str
    language: str
    state: str
    priority: int
    waiting_since: datetime | None
    snoozed_until: datetime | None
    last_message_at: datetime
    message_count: int
    contact_name: str
    team_name: str
    assignee_id: int | None
    assignee_name: str | None
    is_unread: bool
    in_trouble: bool
    labels: Sequence[str]  # 'colour name'
    is_public: bool
    rank: int
    sort_at: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list, and where the next one begins (None: there is no more)."""

    rows: list[QueueRow]
    more: Cursor | None
    is_partial: bool = False  # the walk ended before the page was full: there may be more


ROWS = """
SELECT c.id, c.channel, c.subject, c.preview, c.language, c.state, c.priority, c.waiting_since, c.snoozed_until,
       c.last_message_at, c.message_count, coalesce(nullif(k.name, ''), i.address, ''), t.name, c.assignee_id, u.name,
       coalesce(r.read_at < c.last_message_at, true),
       EXISTS (SELECT FROM conversations_message m JOIN outbound_delivery d ON d.message_id = m.id
               WHERE m.conversation_id = c.id AND d.state IN ('failed', 'unconfirmed')),
       ARRAY(SELECT l.colour || ' ' || l.name FROM conversations_labelling g JOIN conversations_label l
             ON l.id = g.label_id WHERE g.conversation_id = c.id ORDER BY lower(comptoir_fold(l.name))), c.is_public,
       page.rank, page.sort_at, page.is_edge
FROM page
JOIN conversations_conversation c ON c.id = page.id
JOIN contacts_contact k ON k.id = c.contact_id
JOIN accounts_team t ON t.id = c.team_id
LEFT JOIN accounts_user u ON u.id = c.assignee_id
LEFT JOIN conversations_readmark r ON r.conversation_id = c.id AND r.user_id = %(user)s
LEFT JOIN LATERAL (SELECT address FROM contacts_identity WHERE contact_id = k.id ORDER BY id LIMIT 1) i ON k.name = ''
"""


@dataclass(slots=True)
class _Query:
    """The parameters of a statement while it is put together: SQL is made of constants only."""

    user: User
    rare: frozenset[int]
    params: dict[str, Any] = field(default_factory=dict)

    def use(self, value: Any) -> str:
        """Return the placeholder of a value."""
        name = f"p{len(self.params)}"
        self.params[name] = value
        return f"%({name})s"

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        """Run the statement and return its rows."""
        with connection.cursor() as cursor:
            cursor.execute(statement, self.params | {"user": self.user.pk})
            return list(cursor.fetchall())


SIZES = """
SELECT l.id FROM unnest(%s::bigint[]) AS l(id)
WHERE (SELECT count(*) FROM (SELECT FROM conversations_labelling g WHERE g.label_id = l.id LIMIT %s) q) < %s
"""


def _query(user: User, *lists: QueueFilter) -> _Query:
    """Return a statement to begin, which knows the rare labels among those that the lists ask for."""
    asked = sorted({label for chosen in lists if chosen.label_match != "none" for label in chosen.labels})
    rare = bulk.fetch_all(SIZES, [asked, RARE, RARE]) if asked else ()
    return _Query(user, frozenset(row[0] for row in rare))


def _rare_labels(query: _Query, chosen: QueueFilter) -> list[int]:
    """Return labels whose few conversations hold the whole list; none where the list must be walked."""
    if chosen.label_match == "none" or not chosen.labels:
        return []
    known = [label for label in chosen.labels if label in query.rare]
    if chosen.label_match == "all":
        return known[:1]
    return known if len(known) == len(chosen.labels) <= MOST_RARE else []


def _labelled(query: _Query, chosen: QueueFilter) -> str:
    """Return the condition on labels: any of them, all of them, or none of them."""
    labels = query.use(list(chosen.labels))
    which = f"FROM conversations_labelling g WHERE g.conversation_id = c.id AND g.label_id = ANY({labels})"
    if chosen.label_match == "all":
        return f"(SELECT count(*) {which}) = {query.use(len(chosen.labels))}"
    return f"{'NOT ' if chosen.label_match == 'none' else ''}EXISTS (SELECT {which})"


def _in_subject(query: _Query, words: str) -> str:
    """Return the condition that the subject holds all the words, accents and case apart."""
    parts, folded = [], "lower(comptoir_fold({}))"
    for word in words.split():
        escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        parts.append(f"{folded.format('c.subject')} LIKE '%%' || {folded.format(query.use(escaped))} || '%%'")
    return " AND ".join(parts)


def _loose(query: _Query, chosen: QueueFilter) -> list[str]:
    """Return the conditions that no index serves: what they concern is looked for in a bounded walk."""
    found: list[str] = []
    at = clock.now()
    for column, values in (
        ("c.channel", chosen.channels), ("c.account_id", chosen.accounts), ("c.language", chosen.languages),
    ):  # fmt: skip
        if values:
            found.append(f"{column} = ANY({query.use(list(values))})")
    if chosen.waits is False:
        found.append(f"NOT ({WAITING})")
    if chosen.waits and chosen.sort not in NEED_WAIT:
        found.append(WAITING)
    if chosen.owner == "any":
        found.append("c.assignee_id IS NOT NULL")
    if chosen.owner == "none" and chosen.sort != "wait":
        found.append("c.assignee_id IS NULL")
    if (assignee := _owner(query, chosen)) is not None and "solved" in chosen.driven_states:
        found.append(f"c.assignee_id = {query.use(assignee)}")
    if chosen.labels:
        found.append(_labelled(query, chosen))
    if chosen.priority is not None:
        found.append(f"c.priority >= {query.use(chosen.priority)}")
    if chosen.waiting_minutes is not None:
        found.append(f"c.waiting_since <= {query.use(at - timedelta(minutes=chosen.waiting_minutes))}")
    if chosen.created_days is not None:
        found.append(f"c.created_at >= {query.use(at - timedelta(days=chosen.created_days))}")
    if chosen.active_days is not None:
        found.append(f"c.last_message_at >= {query.use(at - timedelta(days=chosen.active_days))}")
    if chosen.wakes_hours is not None:
        found.append(f"c.snoozed_until <= {query.use(at + timedelta(hours=chosen.wakes_hours))}")
    if chosen.unread:
        found.append(
            "NOT EXISTS (SELECT FROM conversations_readmark r WHERE r.conversation_id = c.id "
            "AND r.user_id = %(user)s AND r.read_at >= c.last_message_at)"
        )
    if chosen.trouble:
        found.append(
            "EXISTS (SELECT FROM conversations_message m JOIN outbound_delivery d ON d.message_id = m.id "
            "WHERE m.conversation_id = c.id AND d.state IN ('failed', 'unconfirmed'))"
        )
    if chosen.custom:
        found.append(f"c.fields @> {query.use(json.dumps(dict(chosen.custom)))}::jsonb")
    if chosen.words:
        found.append(_in_subject(query, chosen.words))
    return found


def _waits(chosen: QueueFilter) -> str:
    return f" AND {WAITING}" if chosen.waits else ""


def _owner(query: _Query, chosen: QueueFilter) -> int | None:
    """Return the one person whose conversations the list holds."""
    return {"me": query.user.pk, "person": chosen.assignee}.get(chosen.owner)


def _drivers(query: _Query, chosen: QueueFilter) -> tuple[str, str]:
    """Return from where a list is read: what stands before the innermost SELECT, and that one's condition."""
    teams = [team for team in team_ids_of(query.user) if not chosen.teams or team in chosen.teams]
    states = ", ".join(f"('{state}')" for state in chosen.driven_states)  # checked constants
    if rare := _rare_labels(query, chosen):
        few = f"SELECT DISTINCT conversation_id FROM conversations_labelling WHERE label_id = ANY({query.use(rare)})"  # noqa: S608
        among = f"c.id = mine.conversation_id AND c.team_id = ANY({query.use(teams)}::bigint[])"
        return f"({few}) AS mine", f"{among} AND c.state IN ({states}){_waits(chosen)}"
    assignee = _owner(query, chosen)
    if assignee is not None and "solved" not in chosen.driven_states:
        # conversation_of_assignee: one person's open work is a short list.
        owned = f"c.assignee_id = {query.use(assignee)} AND c.team_id = ANY({query.use(teams)}::bigint[])"
        return "(SELECT 1) AS mine(one)", f"{owned} AND c.state IN ({states}){_waits(chosen)}"
    source = f"unnest({query.use(teams)}::bigint[]) AS mine(team_id)"
    if chosen.sort in NEED_WAIT:
        condition = f"c.team_id = mine.team_id AND {WAITING}"
    else:
        source += f" CROSS JOIN (VALUES {states}) AS kept(state)"
        condition = "c.team_id = mine.team_id AND c.state = kept.state"
    if chosen.owner == "none" and chosen.sort == "wait":
        condition += " AND c.assignee_id IS NULL"  # conversation_unassigned
    return source, condition


def _after(query: _Query, sort: Sort, after: Cursor | None) -> str:
    """Return the condition that a page begins after a row."""
    if after is None:
        return ""
    place = {"rank": after.rank, "sort_at": after.at, "id": after.id}
    columns = ", ".join(column for _name, column in sort.columns)
    values = ", ".join(query.use(place[name]) for name, _column in sort.columns)
    return f" AND ({columns}) {'>' if sort.direction == 'ASC' else '<'} ({values})"


def _page(query: _Query, chosen: QueueFilter, after: Cursor | None, limit: int, walk: int = 0) -> str:
    """Return the common table expressions that end in `page` (id, rank, sort_at, is_edge).

    The edge is the last conversation of a walk that ended early; there is none where an index serves everything.
    """
    sort, loose = SORTS[chosen.sort], _loose(query, chosen)
    source, condition = _drivers(query, chosen)
    condition += _after(query, sort, after)
    reach = query.use(max(WALK, walk) if loose else limit)
    walked = (
        f"SELECT p.id, p.rank, p.sort_at FROM {source} CROSS JOIN LATERAL ("  # noqa: S608  # constants only
        f"SELECT {sort.keys} FROM conversations_conversation c WHERE {condition} "
        f"ORDER BY {sort.inner} LIMIT {reach}) p ORDER BY {sort.by('p')} LIMIT {reach}"
    )
    if not loose:
        return f"WITH page AS (SELECT w.*, false AS is_edge FROM ({walked}) w)"  # noqa: S608
    return (
        f"WITH walk AS MATERIALIZED ({walked}), found AS ("  # noqa: S608
        f"SELECT w.* FROM walk w JOIN conversations_conversation c ON c.id = w.id WHERE {' AND '.join(loose)} "
        f"ORDER BY {sort.by('w')} LIMIT {query.use(limit)}), "
        f"page AS (SELECT f.*, false AS is_edge FROM found f UNION ALL "
        f"(SELECT w.*, true FROM walk w ORDER BY {sort.by('w')} OFFSET {reach} - 1 LIMIT 1))"
    )


def queue_page(user: User, chosen: QueueFilter, *, after: Cursor | None = None, limit: int = QUEUE_PAGE) -> Page:
    """Return one page of a list and the cursor of the next one, in one statement (two where it asks for labels)."""
    query = _query(user, chosen)
    pages = _page(query, chosen, after, limit + 1)
    found = query.run(f"{pages} {ROWS} ORDER BY page.is_edge, {SORTS[chosen.sort].by('page')}")
    rows = [QueueRow(*row[:-1]) for row in found if not row[-1]]
    if len(rows) > limit:
        return Page(rows[:limit], _cursor(rows[limit - 1]))
    edge = [QueueRow(*row[:-1]) for row in found if row[-1]]
    return Page(rows, _cursor(edge[0]) if edge else None, is_partial=bool(edge))


def _cursor(row: QueueRow) -> Cursor:
    return Cursor(row.sort_at, row.id, row.rank)


def listed_ids(user: User, chosen: QueueFilter, *, limit: int) -> list[int]:
    """Return the first conversations of a list by number: what 'all of this list' means."""
    query = _query(user, chosen)
    pages = _page(query, chosen, None, limit, walk=LIST_WALK)
    rows = query.run(f"{pages} SELECT page.id FROM page WHERE NOT page.is_edge")  # noqa: S608
    return [row[0] for row in rows]


@dataclass(frozen=True, slots=True)
class Counted:
    """How many a list has; `is_partial` when the walk ended before the list did: at least that many."""

    number: int
    is_partial: bool = False


def count_lists(user: User, lists: Sequence[QueueFilter]) -> list[Counted]:
    """Count several lists in one statement, two where some ask for labels.

    Each count stops at COUNT_CAP, each walk at COUNT_WALK.
    """
    if not lists:
        return []
    query = _query(user, *lists)
    parts = [f"({_count(query, chosen, number)})" for number, chosen in enumerate(lists)]
    rows = query.run(" UNION ALL ".join(parts) + " ORDER BY 1")
    return [Counted(min(number, COUNT_CAP), partial) for _place, number, partial in rows]


def _count(query: _Query, chosen: QueueFilter, number: int) -> str:
    if chosen.waits:
        chosen = replace(chosen, sort="wait")  # its order does not matter, and this one's index holds what waits
    loose = _loose(query, chosen)
    source, condition = _drivers(query, chosen)
    reach = COUNT_WALK if loose else COUNT_CAP
    walked = (
        f"SELECT p.id FROM {source} CROSS JOIN LATERAL (SELECT c.id FROM conversations_conversation c "  # noqa: S608
        f"WHERE {condition} LIMIT {reach}) p LIMIT {reach}"
    )
    if not loose:
        return f"SELECT {number}, count(*), false FROM ({walked}) w"  # noqa: S608  # numbers of ours
    return (
        f"SELECT {number}, count(*) FILTER (WHERE {' AND '.join(loose)}), count(*) >= {reach} "  # noqa: S608
        f"FROM ({walked}) w JOIN conversations_conversation c ON c.id = w.id"
    )
