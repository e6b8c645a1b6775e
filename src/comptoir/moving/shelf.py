"""A temporary shelf on disk: an export's rows by kind and number, so that comments find their ticket.

An export may be larger than the memory and in any order; SQLite, in a temporary file that dies with the reader, holds
it. The last row with a number wins, so that pages that overlap give one row.
"""

import json
import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any

TABLE = """
CREATE TABLE shelf (seq INTEGER PRIMARY KEY, kind TEXT, key TEXT, parent TEXT, place TEXT, value TEXT);
CREATE UNIQUE INDEX shelf_key ON shelf (kind, key);
CREATE INDEX shelf_parent ON shelf (kind, parent, seq);
"""
# The place of the first sight is kept with its order, so that a resumed import meets everything in the same order.
PUT = """
INSERT INTO shelf (kind, key, parent, place, value) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (kind, key) DO UPDATE SET parent = excluded.parent, value = excluded.value
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of an export and its place in it."""

    key: str
    place: str
    value: dict[str, Any]


class Shelf:
    """The rows of one export; a context manager that leaves nothing behind."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="comptoir-moving-")
        self._base = sqlite3.connect(Path(self._folder.name) / "shelf.sqlite", isolation_level=None)
        self._base.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN; {TABLE}")
        self.get = lru_cache(maxsize=20_000)(self._get)  # the same few agents and customers again and again

    def __enter__(self) -> "Shelf":
        """Return the shelf."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Remove it."""
        self._base.close()
        self._folder.cleanup()

    def put(self, kind: str, key: str, parent: str, place: str, value: dict[str, Any]) -> None:
        """Keep a row."""
        self._base.execute(PUT, [kind, key, parent, place, json.dumps(value)])

    def _get(self, kind: str, key: object) -> dict[str, Any]:
        """Return the value of a row, {} where there is none."""
        row = self._base.execute("SELECT value FROM shelf WHERE kind = ? AND key = ?", [kind, str(key)]).fetchone()
        found: dict[str, Any] = json.loads(row[0]) if row else {}
        return found

    def all(self, kind: str) -> Iterator[Row]:
        """Yield the rows of a kind in the order of the export."""
        query = "SELECT key, place, value FROM shelf WHERE kind = ? ORDER BY seq"
        for key, place, value in self._base.execute(query, [kind]):
            yield Row(key, place, json.loads(value))

    def children(self, kind: str, parent: object) -> list[dict[str, Any]]:
        """Return the rows of a kind that belong to another row, in the order of the export."""
        query = "SELECT value FROM shelf WHERE kind = ? AND parent = ? ORDER BY seq"
        return [json.loads(row[0]) for row in self._base.execute(query, [kind, str(parent)])]

    def count(self, kind: str) -> int:
        """Return how many rows of a kind there are."""
        return int(self._base.execute("SELECT count(*) FROM shelf WHERE kind = ?", [kind]).fetchone()[0])
