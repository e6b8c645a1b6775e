"""INV-06: the only road from a person to a conversation.

Screens, the API and live updates all ask here; nothing else may load a conversation for a person.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from django.db import connection
from django.db.models import Model, QuerySet

from comptoir.accounts.models import Team, User
from comptoir.accounts.queries import team_ids_of
from comptoir.channels.models import ChannelAccount
from comptoir.contacts.models import Contact
from comptoir.conversations.models import Conversation
from comptoir.core import bulk
from comptoir.core.errors import AccessDenied


@dataclass(frozen=True, slots=True)
class Also:
    """Something more that a page reads in the same statement: an SQL expression over `c`, the conversation."""

    sql: str
    params: Sequence[Any] = field(default_factory=tuple)


def accessible_conversations(user: User) -> QuerySet[Conversation]:
    """Return the conversations of the person's teams."""
    return Conversation.objects.filter(team_id__in=team_ids_of(user))


# Written out, because composing it anew costs Django many times what PostgreSQL needs to answer it, and every screen
# and every action begins here. Labels are 'colour name'; the last column tells the head whether there is more to read.
ONE = """
SELECT {columns},
       ARRAY(SELECT l.colour || ' ' || l.name FROM conversations_labelling g JOIN conversations_label l
             ON l.id = g.label_id WHERE g.conversation_id = c.id ORDER BY lower(comptoir_fold(l.name))),
       EXISTS (SELECT FROM conversations_conversation o WHERE o.contact_id = c.contact_id AND o.id <> c.id
               AND o.state <> 'merged' AND o.team_id = ANY(%s)){also}
FROM conversations_conversation c
JOIN contacts_contact k ON k.id = c.contact_id
JOIN channels_channelaccount a ON a.id = c.account_id
JOIN accounts_team t ON t.id = c.team_id
LEFT JOIN accounts_user u ON u.id = c.assignee_id
WHERE c.id = %s AND c.team_id = ANY(%s){lock}
"""
PARTS: tuple[tuple[str, str, type[Model]], ...] = (
    ("", "c", Conversation), ("contact", "k", Contact), ("account", "a", ChannelAccount), ("team", "t", Team),
    ("assignee", "u", User),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Part:
    """The columns of one model in the statement, and how its values are read from the database's."""

    name: str
    model: type[Model]
    columns: tuple[str, ...]
    names: tuple[str, ...]
    converters: tuple[tuple[int, Callable[..., Any]], ...]

    def made(self, values: Sequence[Any]) -> Any:
        """Return the row as its model."""
        read = list(values)
        for place, convert in self.converters:
            read[place] = convert(read[place], None, connection)
        return self.model.from_db(connection.alias, self.names, read)


@lru_cache(maxsize=1)
def _parts() -> tuple[_Part, ...]:
    parts: list[_Part] = []
    for name, alias, model in PARTS:
        fields = model._meta.concrete_fields
        found = [(place, convert) for place, one in enumerate(fields) for convert in one.get_db_converters(connection)]
        columns = tuple(f'{alias}."{one.column}"' for one in fields)
        parts.append(_Part(name, model, columns, tuple(one.attname for one in fields), tuple(found)))
    return tuple(parts)


def access_conversation(
    user: User, conversation_id: int, *, for_update: bool = False, also: Mapping[str, Also] | None = None
) -> Conversation:
    """Return one conversation if the person may see it; raises AccessDenied, also when it does not exist.

    With it come its contact, account, team and assignee, `tags`, `has_others`, and what is asked for by `also`.
    """
    teams, more = team_ids_of(user), also or {}
    parts = _parts()
    statement = ONE.format(
        columns=", ".join(column for part in parts for column in part.columns),
        also="".join(f", ({one.sql})" for one in more.values()),
        # A lock on the nullable side of an outer join is refused by PostgreSQL.
        lock=" FOR UPDATE OF c" if for_update else "",
    )
    params = [teams, *(value for one in more.values() for value in one.params), conversation_id, teams]
    # A number beyond the column's type would be compared with every row.
    rows = bulk.fetch_all(statement, params) if 0 < conversation_id < 2**63 else []
    if not rows:
        raise AccessDenied("This conversation does not exist, or belongs to a team that you are not in.")
    return _made(parts, rows[0], ("tags", "has_others", *more))


def _made(parts: Sequence[_Part], row: Sequence[Any], names: Sequence[str]) -> Conversation:
    """Return the conversation with its relations and what was asked for besides."""
    start, conversation = 0, None
    for part in parts:
        values = row[start : start + len(part.names)]
        start += len(part.names)
        if conversation is None:
            conversation = part.made(values)
        else:
            conversation._state.fields_cache[part.name] = None if values[0] is None else part.made(values)
    for name, value in zip(names, row[start:], strict=True):
        setattr(conversation, name, value)
    assert isinstance(conversation, Conversation)
    return conversation
