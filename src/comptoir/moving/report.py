"""What an import would do, or did: counted alike by the trial and by the run, so that both use the same words. Pure."""

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Any

from comptoir.core.textfold import clean
from comptoir.moving.shape import ArticleItem, ContactItem, ConversationItem, Item, Party, ReplyItem, SkippedItem

MAX_PROBLEMS = 50
MAX_NAMES = 100  # of unknown agents and inboxes
KINDS = ("contacts", "conversations", "replies", "articles")


def kind_of(item: Item) -> str:
    """Return under which name an item is counted."""
    if isinstance(item, ContactItem):
        return "contacts"
    if isinstance(item, ConversationItem):
        return "conversations"
    if isinstance(item, ReplyItem):
        return "replies"
    return "articles" if isinstance(item, ArticleItem) else "skipped"


@dataclass(slots=True)
class Report:
    """The figures of an import. `new` and `known` are by kind; `problems` are the first that were left out."""

    new: Counter[str] = field(default_factory=Counter)
    known: Counter[str] = field(default_factory=Counter)
    messages: int = 0
    notes: int = 0
    files: int = 0
    absent_files: int = 0  # the export names them and does not carry them
    skipped: int = 0
    tags: Counter[str] = field(default_factory=Counter)
    unknown_agents: Counter[str] = field(default_factory=Counter)
    unknown_inboxes: Counter[str] = field(default_factory=Counter)
    problems: list[dict[str, str]] = field(default_factory=list)

    @classmethod
    def of(cls, stored: dict[str, Any]) -> "Report":
        """Return a stored report."""
        report = cls()
        for name, value in stored.items():
            setattr(report, name, Counter(value) if isinstance(value, dict) else value)
        return report

    def stored(self) -> dict[str, Any]:
        """Return it as JSON can hold it; of names the most frequent."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {
            name: dict(value.most_common(MAX_NAMES)) if isinstance(value, Counter) else value
            for name, value in values.items()
        }

    def skip(self, item: SkippedItem) -> None:
        """Count what is left out, and keep the first with their place."""
        self.skipped += 1
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append({"place": clean(item.place)[:300], "key": clean(item.key)[:100], "why": item.why})

    def add(self, item: Item, *, is_new: bool) -> None:
        """Count one item; of a conversation that is known already nothing more."""
        if isinstance(item, SkippedItem):
            self.skip(item)
            return
        (self.new if is_new else self.known)[kind_of(item)] += 1
        if not isinstance(item, ConversationItem) or not is_new:
            return
        self.tags.update(item.tags)
        for said in item.said:
            self.notes += said.kind == "note"
            self.messages += said.kind != "note"
            self.files += sum(file.read is not None for file in said.files)
            self.absent_files += sum(file.read is None for file in said.files)

    def miss_agent(self, party: Party) -> None:
        """Count a sentence or a task of an agent whom nobody here is."""
        if name := party.email or party.name:
            self.unknown_agents[name[:200]] += 1

    def miss_inbox(self, inbox: str) -> None:
        """Count a conversation of an inbox that no account here is."""
        if inbox:
            self.unknown_inboxes[inbox[:200]] += 1
