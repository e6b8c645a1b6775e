"""The form's parser: our own records become messages, anything else is set aside with words."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comptoir.channels.webform.parse import parse
from comptoir.core.errors import AnomalousPayload
from comptoir.core.types import Author, ParseContext

FIXTURES = Path(__file__).parent.parent / "fixtures"
AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CONTEXT = ParseContext(1, "", {}, "form", AT, "form:x", b"key")


def store(content: bytes) -> str:
    raise AssertionError("the files of a form are stored before it is parsed")


def test_a_submission_with_a_file() -> None:
    (message,) = parse((FIXTURES / "submission.json").read_bytes(), CONTEXT, store)
    assert message.author == Author("email", "ada@example.net", "Ada Martin")
    assert message.subject == "Bill · Charged twice"
    assert message.thread_key == "F-ABCD-EFGH-2345"
    assert message.text.startswith("Bonjour,\n") and message.language == ""
    assert [(b.filename, b.size) for b in message.blobs] == [("facture.pdf", 9)]
    assert message.sent_at == datetime(2026, 11, 22, 11, 59, tzinfo=UTC)


def test_a_short_text_takes_the_pages_language() -> None:
    raw = json.loads((FIXTURES / "submission.json").read_bytes()) | {"message": "Merci", "language": "fr"}
    assert parse(json.dumps(raw).encode(), CONTEXT, store)[0].language == "fr"


@pytest.mark.parametrize(
    "change",
    [
        {"type": "other"},
        {"files": [{"key": "../../etc/passwd", "filename": "x", "content_type": "", "size": 1}]},
        {"message": 7},
        {"extra": 1},
        {"sent_at": "yesterday"},
        {"email": "x" * 400},
    ],
)
def test_anything_else_is_set_aside(change: dict[str, Any]) -> None:
    raw = json.loads((FIXTURES / "submission.json").read_bytes()) | change
    with pytest.raises(AnomalousPayload):
        parse(json.dumps(raw).encode(), CONTEXT, store)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
def test_no_bytes_break_the_parser(raw: bytes) -> None:
    with pytest.raises(AnomalousPayload):
        parse(raw, CONTEXT, store)


@given(st.text(), st.text(max_size=400), st.sampled_from(["fr", "en"]))
def test_every_text_survives(message: str, subject: str, language: str) -> None:
    raw = json.loads((FIXTURES / "submission.json").read_bytes())
    raw |= {"message": message, "subject": subject, "topic": "", "language": language}
    (parsed,) = parse(json.dumps(raw).encode("utf-8", "surrogatepass"), CONTEXT, store)
    assert parsed.text == message.replace("\x00", "") and parsed.subject == subject.replace("\x00", "")


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(AnomalousPayload):
        parse(b"[" * 200_000, CONTEXT, store)
