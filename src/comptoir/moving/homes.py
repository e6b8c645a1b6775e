"""Where tags, saved replies and articles go: the one place to connect when their apps can take them.

Until then nothing is lost: `Arrived.content` holds them whole, and the report says that they are kept for later.
"""

from collections.abc import Mapping, Sequence

from comptoir.journal.services import Actor
from comptoir.moving.shape import ArticleItem, ReplyItem

HAS_LABELS = False  # True once give_labels gives them
HAS_REPLIES = False  # True once keep_replies hands them over
HAS_ARTICLES = False


def give_labels(*, actor: Actor, tags: Mapping[int, Sequence[str]]) -> None:
    """Give conversations (by number) the labels of these names. Inside the import's transaction."""


def keep_replies(*, actor: Actor, replies: Sequence[ReplyItem], texts: Sequence[str]) -> None:
    """Make saved replies of these, with their plain texts, for everybody. Inside the import's transaction."""


def keep_articles(*, actor: Actor, articles: Sequence[ArticleItem]) -> None:
    """Make articles of these. Inside the import's transaction."""
