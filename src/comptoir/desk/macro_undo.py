"""What the undo button of a macro carries: a signed list of what it changed, so that nothing has to be stored for it.

Only this installation can have written it, it names its conversation, and it ends after an hour. Whether a change is
still there to be taken back is asked when the button is pressed (knowledge.rules.undoable).
"""

from dataclasses import asdict, dataclass
from typing import Any

from django.core import signing
from django.utils.translation import gettext as _

from comptoir.core.errors import InputError
from comptoir.knowledge.models import Macro
from comptoir.knowledge.rules import Change
from comptoir.knowledge.services import Applied

SALT = "comptoir.macro-undo"
MAX_AGE = 3600  # seconds


@dataclass(frozen=True, slots=True)
class Undoable:
    """A macro that was just applied, as a toast shows it."""

    name: str
    token: str
    changes: tuple[Change, ...]
    delivery: int | None
    left_out: tuple[str, ...]

    @property
    def can_be_undone(self) -> bool:
        """Whether it did anything that can be taken back."""
        return bool(self.changes or self.delivery)


def undoable_of(macro: Macro, applied: Applied, conversation_id: int) -> Undoable:
    """Return the toast of a macro that was just applied."""
    delivery = applied.delivery.pk if applied.delivery else None
    value = {
        "c": conversation_id, "n": macro.name, "d": delivery, "l": list(applied.left_out),
        "x": [asdict(change) for change in applied.changes],
    }  # fmt: skip
    token = signing.dumps(value, salt=SALT, compress=True)
    return Undoable(macro.name, token, tuple(applied.changes), delivery, tuple(applied.left_out))


def read_token(token: str, conversation_id: int) -> Undoable:
    """Return what a token says; raises InputError for one that is old, or of another conversation."""
    try:
        value: dict[str, Any] = signing.loads(token, salt=SALT, max_age=MAX_AGE)
    except signing.BadSignature:
        value = {}
    if value.get("c") != conversation_id:
        raise InputError(_("It is too late to undo this macro."))
    changes = tuple(Change(**change) for change in value["x"])
    return Undoable(value["n"], token, changes, value["d"], tuple(value["l"]))


def applied_in(token: str, conversation_id: int) -> Undoable | None:
    """Return the macro that a page's address says was just applied; None where there is none any more."""
    try:
        return read_token(token, conversation_id) if token else None
    except InputError:
        return None
