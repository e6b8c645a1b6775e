"""No comment and no private reply is longer than the page may write."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comptoir.channels.facebook.render import preview, render
from comptoir.core.errors import ChannelError
from comptoir.core.types import Author, Outbound

TEXTS = st.text(max_size=150) | st.builds(
    lambda word, count: word * count, st.text(min_size=1, max_size=10), st.integers(1, 3000)
)


@settings(max_examples=100, deadline=None)
@given(text=TEXTS, is_public=st.booleans())
def test_parts_fit(text: str, is_public: bool) -> None:
    answers = {"item": "comment", "comment": "5_9", "answer_to": "5_8", "post": "1_5"}
    message = Outbound("k", text, (Author("facebook", "7"),), thread_key="dm:7", is_public=is_public, answers=answers)
    if preview(message, {}).is_too_long:
        assert not is_public
        with pytest.raises(ChannelError):
            render(message, {})
        return
    calls = render(message, {})
    told = [values["message"] if is_public else values["message"]["text"] for _path, values in calls]
    assert all(0 < len(part) <= (8000 if is_public else 2000) for part in told)
    assert is_public or len(told) <= 1
    assert {path for path, _values in calls} <= {"5_8/comments" if is_public else "me/messages"}


def test_what_answers_nothing_cannot_leave() -> None:
    for is_public in (True, False):
        with pytest.raises(ChannelError) as refused:
            render(Outbound("k", "x", (), is_public=is_public), {})
        assert refused.value.permanent
