"""The piecewise readers give what a whole read gives, wherever the pieces are cut; values are read or refused."""

import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comptoir.core.errors import AnomalousPayload
from comptoir.moving import jsonstream, sqldump
from comptoir.moving.values import instant, parties, tags

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


class Drops:
    """A stream that gives a few characters at a time, whatever is asked for."""

    def __init__(self, text: str, size: int) -> None:
        self._text, self._size = io.StringIO(text), size

    def read(self, size: int = -1, /) -> str:
        return self._text.read(self._size)


@given(rows=st.lists(JSON, max_size=6), size=st.integers(1, 7), indent=st.none() | st.integers(0, 2))
def test_an_array_is_the_same_in_pieces(rows: list[Any], size: int, indent: int | None) -> None:
    text = json.dumps(rows, ensure_ascii=size % 2 == 0, indent=indent)
    assert [value for _key, value in jsonstream.values(Drops(text, size))] == rows


@given(rows=st.lists(st.dictionaries(st.text(max_size=4), JSON, max_size=3), max_size=4), size=st.integers(1, 7))
def test_a_page_gives_its_rows_under_their_key(rows: list[dict[str, Any]], size: int) -> None:
    text = json.dumps({"count": 4, "tickets": rows, "next": None})
    found = [(key, value) for key, value in jsonstream.values(Drops(text, size)) if key == "tickets"]
    assert found == [("tickets", row) for row in rows]


@given(text=st.text(max_size=80), size=st.integers(1, 9))
def test_anything_else_is_read_or_refused(text: str, size: int) -> None:
    try:
        list(jsonstream.values(Drops(text, size)))
        list(sqldump.rows(Drops(text, size)))
    except AnomalousPayload:
        pass


def quoted(value: str | None) -> str:
    if value is None:
        return "NULL"
    return "'" + value.replace("\\", "\\\\").replace("'", "''").replace("\n", "\\n") + "'"


TEXT = st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=15)


@given(rows=st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=5), size=st.integers(1, 9))
def test_a_dump_is_the_same_in_pieces(rows: list[tuple[str | None, str | None]], size: int) -> None:
    values = ",\n".join(f"({quoted(a)},{quoted(b)})" for a, b in rows)
    text = f"-- a 'comment\n/*!40101 SET x = 'y;' */;\nINSERT INTO `t` (`a`, `b`) VALUES {values};\nUNLOCK TABLES;\n"
    assert list(sqldump.rows(Drops(text, size))) == [("t", {"a": a, "b": b}) for a, b in rows]


@pytest.mark.parametrize(
    ("case", "value", "expected"),
    [
        ("ISO", "2024-05-01T08:00:00Z", datetime(2024, 5, 1, 8, tzinfo=UTC)),
        ("ISO with an offset", "2024-05-01T10:00:00+02:00", datetime(2024, 5, 1, 8, tzinfo=UTC)),
        ("a database's", "2024-05-01 08:00:00", datetime(2024, 5, 1, 8, tzinfo=UTC)),
        ("with UTC", "2024-05-01 08:00:00 UTC", datetime(2024, 5, 1, 8, tzinfo=UTC)),
        ("seconds", 1714550400, datetime(2024, 5, 1, 8, tzinfo=UTC)),
        ("seconds as a text", "1714550400", datetime(2024, 5, 1, 8, tzinfo=UTC)),
        ("milliseconds", 1714550400000, datetime(2024, 5, 1, 8, tzinfo=UTC)),
        ("day first", "01/05/2024 08:00", datetime(2024, 5, 1, 8, tzinfo=UTC)),
        ("a mail's", "Wed, 1 May 2024 10:00:00 +0200", datetime(2024, 5, 1, 8, tzinfo=UTC)),
        ("the year 0", "0000-00-00 00:00:00", None),
        ("1970", 0, None),
        ("a word", "yesterday", None),
        ("nothing", None, None),
        ("a truth", True, None),
        ("too large", 10**30, None),
    ],
)
def test_instants(case: str, value: object, expected: datetime | None) -> None:
    assert instant(value) == expected


@given(st.text(max_size=30) | st.integers() | st.floats() | st.none() | st.lists(st.text(max_size=5), max_size=3))
def test_any_value_has_an_instant_people_and_tags_or_none(value: object) -> None:
    instant(value)
    parties(value)
    tags(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Ada Martin <Ada@example.net>, bo@example.net", ["ada@example.net", "bo@example.net"]),
        (["ada@example.net"], ["ada@example.net"]),
        ('["ada@example.net","bo@example.net"]', ["ada@example.net", "bo@example.net"]),
        ("nobody", []),
        (None, []),
    ],
)
def test_recipients_in_every_form(value: object, expected: list[str]) -> None:
    assert [party.email for party in parties(value)] == expected
