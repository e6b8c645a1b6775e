"""Where tags, saved replies and articles go.

Articles have no app yet: nothing of them is lost, `Arrived.content` holds them whole, and the report says that they are
kept for later.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from comptoir.accounts.queries import organisation
from comptoir.conversations import labelling
from comptoir.core.errors import InputError
from comptoir.journal.services import Actor
from comptoir.knowledge.services import ReplyWords, save_reply
from comptoir.moving.shape import ArticleItem, ReplyItem
from comptoir.understanding.language import guess_language

_FOREIGN = re.compile(r"\{\{\s*(.*?)\s*\}\}|#\{\s*(.*?)\s*\}", re.DOTALL)  # the placeholders of other systems


def give_labels(*, actor: Actor, tags: Mapping[int, Sequence[str]]) -> None:
    """Give conversations (by number) the labels of these names. Inside the import's transaction.

    What makes a conversation is told in its event `conversation.imported`, tags included: no further event.
    """
    labels = labelling.labels_named(actor=actor, names={name for names in tags.values() for name in names})
    alike: dict[frozenset[int], list[int]] = {}
    for number, names in tags.items():
        alike.setdefault(frozenset(labels[name] for name in names if name in labels), []).append(number)
    for wanted, numbers in alike.items():
        labelling.put_and_remove(numbers, add=wanted, remove=())


def keep_replies(*, actor: Actor, replies: Sequence[ReplyItem], texts: Sequence[str]) -> None:
    """Make saved replies of these, with their plain texts, for everybody. Inside the import's transaction.

    A placeholder of the other system stays as a visible hole; a shortcut that is taken is left out.
    """
    language = organisation().language
    for reply, text in zip(replies, texts, strict=True):
        body = _FOREIGN.sub(lambda found: f"[{found[1] or found[2]}]", text).strip()
        if not body:
            continue
        words = ReplyWords(
            name=reply.title or body[:60], bodies={guess_language(body) or language: body[:20_000]},
            folder=reply.folder, shortcut=reply.shortcut,
        )  # fmt: skip
        try:
            save_reply(actor=actor, user=None, words=words)
        except InputError:
            save_reply(actor=actor, user=None, words=replace(words, shortcut=""))


def keep_articles(*, actor: Actor, articles: Sequence[ArticleItem]) -> None:
    """Make articles of these, once there are articles. Inside the import's transaction."""
