"""Pages of lists: by keyset, so that page 10,000 costs what page 1 costs and nothing is skipped or shown twice.

A cursor is a signed number (core/crypto.py): what was not made here is refused, not guessed at.
"""

from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _

from comptoir.core.crypto import derive_key, sign_number, verify_number
from comptoir.core.errors import InputError

MAX_LIMIT = 200
Row = TypeVar("Row", bound=Model)


def _key(name: str) -> bytes:
    return derive_key(f"api-cursor-{name}")


def page(
    found: QuerySet[Row], *, name: str, cursor: str, limit: int, ascending: bool = False
) -> tuple[list[Row], str | None]:
    """Return one page in the order of ids, and the cursor of the next one. Raises InputError for a false cursor."""
    if cursor:
        last = verify_number(cursor, key=_key(name))
        if last is None:
            raise InputError(_("This is no cursor of this list. Use next_cursor of the page before."), field="cursor")
        found = found.filter(**{"pk__gt" if ascending else "pk__lt": last})
    rows: list[Any] = list(found.order_by("pk" if ascending else "-pk")[: limit + 1])
    more = len(rows) > limit
    rows = rows[:limit]
    return rows, sign_number(rows[-1].pk, key=_key(name)) if more else None
