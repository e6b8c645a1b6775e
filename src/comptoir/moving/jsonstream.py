"""Reads JSON of any size piece by piece: never more than one element of an array is held.

Pure: text in, values out. An export is one array, one object that holds arrays (a page of an API), one object a line
(JSON Lines), or several of these one after the other.
"""

import json
from collections.abc import Iterator
from typing import Any, Protocol

from comptoir.core.errors import AnomalousPayload

LONGEST = 64 * 1024 * 1024  # characters of one element; a ticket with its files as base64 stays far below
CHUNK = 1 << 16
# Beyond the last characters of what was read a word or an escape may simply go on: 'tru', '\u00e'.
NEARLY = 12
SHORT = 4 * 1024 * 1024  # characters: an object up to this is looked at whole, to tell a row from a page of rows
_NUMBER = frozenset(["", *"0123456789.eE+-"])
_DECODER = json.JSONDecoder(strict=False)


class Text(Protocol):
    """What is read from."""

    def read(self, size: int = -1, /) -> str:
        """Return up to `size` characters, '' at the end."""


class _Reader:
    """A window over the text that grows until it holds one whole value."""

    def __init__(self, stream: Text) -> None:
        self._stream, self._text, self._at, self._ended = stream, "", 0, False

    def _more(self) -> bool:
        """Read on; as much again as there is, so that a long value costs no more than its length."""
        new = "" if self._ended else self._stream.read(max(CHUNK, len(self._text) - self._at))
        self._text, self._at = self._text[self._at :] + new, 0
        self._ended = not new
        return bool(new)

    def peek(self) -> str:
        """Return the next character that is no space, '' at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in " \t\r\n\ufeff":
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def take(self, wanted: str) -> None:
        """Step over one expected character."""
        if self.peek() != wanted:
            raise AnomalousPayload(f"expected {wanted!r}")
        self._at += 1

    def value(self) -> Any:
        """Return the next whole value. Raises AnomalousPayload where there is none."""
        found = self._decoded(LONGEST)
        if found is None:
            raise AnomalousPayload("one element is too large")
        self._at = found[1]
        return found[0]

    def small(self) -> Any:
        """Return the value that begins here if it is short, without stepping over it; None where it is long."""
        found = self._decoded(SHORT)
        return found[0] if found is not None else None

    def _decoded(self, longest: int) -> tuple[Any, int] | None:
        """Return the next value and its end; None when it is longer than that."""
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
                # A number may go on: '1.' and '1e' decode as 1, with the rest still to come.
                goes_on = not isinstance(value, dict | list | str) and self._text[end : end + 1] in _NUMBER
                if self._ended or not goes_on:
                    return value, end
            except json.JSONDecodeError as error:
                is_cut = error.msg.startswith("Unterminated") or error.pos >= len(self._text) - NEARLY
                if not is_cut or self._ended:
                    why = "the file ends too early" if is_cut else error.msg
                    raise AnomalousPayload(why) from error
            except RecursionError as error:
                raise AnomalousPayload("nested too deeply") from error
            if len(self._text) - self._at > longest:
                return None
            self._more()


def values(stream: Text) -> Iterator[tuple[str, Any]]:
    """Yield (key, value): the elements of arrays under the key that holds them, other values under theirs.

    Elements of an array that nothing holds, and rows that stand for themselves, come under ''. Raises
    AnomalousPayload, with what was read before it already yielded.
    """
    reader = _Reader(stream)
    while (begin := reader.peek()) != "":
        if begin == "[":
            yield from _elements(reader, "")
        elif begin == ",":  # pages that were simply joined
            reader.take(",")
        elif begin == "{" and "id" not in (reader.small() or {}):
            yield from _page(reader)
        else:
            yield "", reader.value()


def _elements(reader: _Reader, key: str) -> Iterator[tuple[str, Any]]:
    reader.take("[")
    while reader.peek() != "]":
        yield key, reader.value()
        if reader.peek() != "]":
            reader.take(",")
    reader.take("]")


def _page(reader: _Reader) -> Iterator[tuple[str, Any]]:
    reader.take("{")
    while reader.peek() != "}":
        key = reader.value()
        if not isinstance(key, str):
            raise AnomalousPayload("expected a name")
        reader.take(":")
        if reader.peek() == "[":
            yield from _elements(reader, key)
        else:
            yield key, reader.value()
        if reader.peek() != "}":
            reader.take(",")
    reader.take("}")
