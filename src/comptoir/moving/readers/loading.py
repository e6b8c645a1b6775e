"""Puts the JSON of an export on the shelf: which rows are tickets, which are users, whatever the pages look like.

What a row is says, in this order: the key that holds it, its shape, the name of its file or folder.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from comptoir.moving.shelf import Shelf
from comptoir.moving.sources import Source, json_rows

# Keys of pages that hold rows without naming them.
_WRAPPERS = frozenset({"", "payload", "data", "results", "items", "records", "_embedded"})


@dataclass(frozen=True)
class Layout:
    """How a system names its rows: the small `names` of each kind, between blanks; `shape` looks at the row itself.

    `parents` names, for each kind, the field that holds the number of the row that it belongs to.
    """

    names: Mapping[str, str]
    parents: Mapping[str, str] = field(default_factory=dict)
    shape: Callable[[dict[str, Any]], str] = lambda row: ""

    @cached_property
    def kinds(self) -> Mapping[str, str]:
        """The kind of each name."""
        return {name: kind for kind, names in self.names.items() for name in names.split()}


def load(source: Source, layout: Layout, shelf: Shelf) -> None:
    """Put all rows of the source's JSON files on the shelf. Raises InputError in words."""
    for name, place, key, value in json_rows(source):
        _shelve(shelf, layout, _kind_of_name(layout, name), key.lower(), place, value)


def _kind_of_name(layout: Layout, name: str) -> str:
    """Return the kind that a file's name or its folder names ('tickets-12.json', 'users/3.json'), or ''."""
    for part in reversed(name.rsplit(".", 1)[0].lower().split("/")):
        if kind := layout.kinds.get(re.sub(r"[\d\W]+", "_", part).strip("_")):
            return kind
    return ""


def _shelve(shelf: Shelf, layout: Layout, of_file: str, key: str, place: str, value: Any) -> None:
    if not isinstance(value, dict):
        return
    if key in ("assets", "_embedded") or (key in _WRAPPERS and _is_page(layout, value)):
        for inner_key, inner in value.items():
            for row in _several(inner):
                _shelve(shelf, layout, of_file, inner_key.lower(), place, row)
        return
    if isinstance(value.get("assets"), dict):  # an answer of Zammad in full: itself, and everything it names
        _shelve(shelf, layout, of_file, "assets", place, value["assets"])
    kind = layout.kinds.get(key, "") or layout.shape(value) or (of_file if key in _WRAPPERS else "")
    if kind and value.get("id") is not None:
        parent = layout.parents.get(kind, "")
        shelf.put(kind, str(value["id"]), str(value.get(parent, "")) if parent else "", place, value)


def _several(inner: Any) -> list[Any]:
    """Return the rows of an array, or of an object of rows by their numbers."""
    if isinstance(inner, list):
        return inner
    if isinstance(inner, dict) and inner and all(isinstance(row, dict) for row in inner.values()):
        return list(inner.values())
    return [inner]


def _is_page(layout: Layout, value: dict[str, Any]) -> bool:
    return "id" not in value and any(
        isinstance(inner, list | dict) and (key in _WRAPPERS or key in layout.kinds or key == "assets")
        for key, inner in value.items()
    )
