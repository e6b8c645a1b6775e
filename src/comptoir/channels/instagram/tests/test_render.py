"""No message is longer than Instagram takes, counted here by the bytes that leave, whatever is written."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comptoir.channels.instagram.render import preview, render
from comptoir.core.errors import ChannelError
from comptoir.core.types import Author, Outbound

TEXTS = st.text(max_size=150) | st.builds(
    lambda word, count: word * count, st.text(min_size=1, max_size=10), st.integers(1, 600)
)


def length(text: str, *, is_public: bool) -> int:
    wire = json.dumps({"m": text}, ensure_ascii=False).encode()
    said = json.loads(wire)["m"]
    return len(said) if is_public else sum(1 + (c > "\x7f") + (c > "\u07ff") + (c > "\uffff") for c in said)


@settings(max_examples=150, deadline=None)
@given(text=TEXTS, is_public=st.booleans())
def test_parts_fit_as_counted_from_outside(text: str, is_public: bool) -> None:
    answers = {"item": "comment", "comment": "9", "answer_to": "8"} if is_public else {"user": "77"}
    message = Outbound(
        "k", text, (Author("instagram", "77"),), thread_key="dm:77", is_public=is_public, answers=answers
    )
    calls = render(message, {})
    told = [values["message"] if is_public else values["message"]["text"] for _path, values in calls]
    assert all(0 < length(part, is_public=is_public) <= (300 if is_public else 1000) for part in told)
    assert {path for path, _values in calls} <= {"8/replies" if is_public else "me/messages"}
    counted = [part.length for part in preview(message, {}).parts if part.text]
    assert counted == [length(part, is_public=is_public) for part in told]


@pytest.mark.parametrize("answers", [{}, {"item": "comment"}], ids=str)
def test_what_answers_nothing_cannot_leave(answers: dict[str, str]) -> None:
    for is_public in (True, False):
        with pytest.raises(ChannelError) as refused:
            render(Outbound("k", "x", (), is_public=is_public, answers=answers), {})
        assert refused.value.permanent
