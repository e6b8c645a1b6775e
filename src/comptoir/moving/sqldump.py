"""Reads the rows of a MySQL or PostgreSQL dump made of INSERT statements, as text, piece by piece.

Not an SQL parser: it knows CREATE TABLE (for the order of the columns) and INSERT INTO … VALUES, steps over everything
else, and executes nothing.
"""

import re
from collections.abc import Iterator
from typing import Any

from comptoir.core.errors import AnomalousPayload
from comptoir.moving.jsonstream import Text

LONGEST = 64 * 1024 * 1024  # characters of one row
CHUNK = 1 << 20
_CREATE = re.compile(r'\s*CREATE TABLE (?:IF NOT EXISTS )?[`"]?(?:\w+[`"]?\.[`"]?)?(\w+)[`"]?\s*\(', re.I)
_COLUMN = re.compile(r'^\s*[`"](\w+)[`"]\s', re.M)
_INSERT = re.compile(
    r'\s*INSERT (?:IGNORE )?INTO [`"]?(?:\w+[`"]?\.[`"]?)?(\w+)[`"]?\s*(?:\(([^)]*)\))?\s*VALUES\s*', re.I
)
# A string with doubled quotes or backslashes, possessive so that a long one is read once; or a plain word.
_VALUE = re.compile(r"\s*(?:(_binary\s+)?'((?:[^'\\]++|''|\\.)*+)'|([^,()'\s]+))\s*([,)])", re.S)
_END = re.compile(r"(?:[^;'\"`]++|'(?:[^'\\]++|''|\\.)*+'|\"[^\"]*+\"|`[^`]*+`)*+;", re.S)
_ESCAPE = re.compile(r"\\(.)|''", re.S)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "0": "", "Z": "\x1a", "b": "\b"}


class _Window:
    """The part of the dump that is looked at."""

    def __init__(self, stream: Text) -> None:
        self._stream, self.text, self.at, self.ended = stream, "", 0, False

    def more(self) -> bool:
        """Read on; as much again as there is, so that a long row costs no more than its length."""
        if len(self.text) - self.at > LONGEST:
            raise AnomalousPayload("one row is too large")
        new = "" if self.ended else self._stream.read(max(CHUNK, len(self.text) - self.at))
        self.text, self.at = self.text[self.at :] + new, 0
        self.ended = not new
        return bool(new)


def rows(stream: Text) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (table, row by column name); values are texts, or None for NULL. Raises AnomalousPayload."""
    window, columns = _Window(stream), dict[str, list[str]]()
    while _next_statement(window):
        created = _CREATE.match(window.text, window.at)
        if created is not None:
            columns[created[1]] = _COLUMN.findall(_whole(window))
        elif (insert := _INSERT.match(window.text, window.at)) is not None:
            window.at = insert.end()
            named = [name.strip(' `"') for name in (insert[2] or "").split(",") if name.strip()]
            yield from _tuples(window, insert[1], named or columns.get(insert[1], []))
        else:
            _whole(window)


def _next_statement(window: _Window) -> bool:
    """Step to the next statement, over blanks and comments; False at the end."""
    while True:
        while window.at < len(window.text) and window.text[window.at] in " \t\r\n;":
            window.at += 1
        if len(window.text) - window.at < 4000 and window.more():
            continue
        if window.at >= len(window.text):
            return False
        if not window.text.startswith(("--", "#"), window.at):
            return True
        while (end := window.text.find("\n", window.at)) < 0 and window.more():
            pass
        window.at = end + 1 if end >= 0 else len(window.text)


def _whole(window: _Window) -> str:
    """Return the statement that begins here and step over it."""
    while (found := _END.match(window.text, window.at)) is None:
        if not window.more():
            rest, window.at = window.text[window.at :], len(window.text)
            return rest
    window.at = found.end()
    return found[0]


def _tuples(window: _Window, table: str, names: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    while True:
        while window.at < len(window.text) and window.text[window.at] in " \t\r\n,":
            window.at += 1
        if window.at >= len(window.text):
            if not window.more():
                return
            continue
        if window.text[window.at] != "(":
            return
        values = _tuple(window)
        if names and len(names) != len(values):
            raise AnomalousPayload(f"{table}: {len(values)} values for {len(names)} columns")
        if not names:
            raise AnomalousPayload(f"{table}: neither CREATE TABLE nor the columns are named")
        yield table, dict(zip(names, values, strict=True))


def _tuple(window: _Window) -> list[str | None]:
    """Return the values of one row and step over it; reads on and begins again where the row is cut off."""
    while True:
        values: list[str | None] = []
        at = window.at + 1
        while (found := _VALUE.match(window.text, at)) is not None:
            values.append(_value(found))
            at = found.end()
            if found[4] == ")":
                window.at = at
                return values
        if not window.more():
            raise AnomalousPayload("the file ends too early")


def _value(found: re.Match[str]) -> str | None:
    if found[3] is not None:
        return None if found[3].upper() == "NULL" else found[3]
    return _ESCAPE.sub(lambda m: "'" if m[1] is None else _ESCAPES.get(m[1], m[1]), found[2])
