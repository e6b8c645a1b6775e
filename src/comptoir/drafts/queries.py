"""The readers of drafts: always of one person, and only in conversations that the person still sees (INV-06)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet

from comptoir.accounts.models import User
from comptoir.conversations.access import Also, accessible_conversations
from comptoir.conversations.models import Conversation
from comptoir.drafts.models import Draft

LIST_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Begun:
    """What the composer opens with."""

    kind: str = ""
    text: str = ""
    to: str = ""
    cc: str | None = None
    forward_of: int | None = None
    road: str = ""
    files: Sequence[dict[str, Any]] = field(default_factory=list)
    revision: int = 0


BEGUN = """
SELECT jsonb_build_object('kind', d.kind, 'text', d.text, 'to', d.to, 'cc', d.cc, 'forward_of', d.forward_of,
                          'road', d.road, 'files', d.files, 'revision', d.revision)
FROM drafts_draft d WHERE d.conversation_id = c.id AND d.user_id = %s
"""


def begun_by(user: User) -> dict[str, Also]:
    """Return what reads the person's draft with the conversation itself: one statement less a page."""
    return {"draft_json": Also(BEGUN, [user.pk])}


def begun_in(conversation: Conversation) -> Begun:
    """Return the draft of a conversation that was read with `begun_by`; an empty one where there is none."""
    found = getattr(conversation, "draft_json", None)
    return Begun(**json.loads(found)) if found else Begun()


def draft_of(user: User, conversation: Conversation) -> Draft | None:
    """Return the person's draft in a conversation."""
    return Draft.objects.filter(user=user, conversation=conversation).first()


def drafts_of(user: User) -> QuerySet[Draft]:
    """Return the person's drafts, newest first."""
    mine = Draft.objects.filter(user=user, conversation__in=accessible_conversations(user))
    return mine.select_related("conversation", "conversation__contact").order_by("-saved_at")[:LIST_LENGTH]


def files_in(user: User, conversation: Conversation, ids: Sequence[str]) -> list[tuple[str, str, str, int]]:
    """Return the named files of the person's draft as (key, name, type, size); a form never names a key."""
    draft = draft_of(user, conversation)
    kept = {file["id"]: file for file in draft.files} if draft else {}
    return [(f["key"], f["name"], f["type"], f["size"]) for number in ids if (f := kept.get(number))]
