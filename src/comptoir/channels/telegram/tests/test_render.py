"""What leaves: texts that fit, buttons whose data fit, the chat that is meant. Counted independently of the product."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from comptoir.channels.base import After
from comptoir.channels.telegram.render import preview, private_thread, render, window
from comptoir.core.types import Author, Outbound, OutboundFile

TO = (Author("telegram", "7001", "Ada"),)


def outbound(text: str = "Bonjour", **more: Any) -> Outbound:
    return Outbound(**{"key": "k", "text": text, "to": TO, "thread_key": "dm:7001", **more})


def units(text: str) -> int:
    return sum(2 if ord(char) > 0xFFFF else 1 for char in text)


def test_a_short_text_is_one_call() -> None:
    (call,) = render(outbound())
    assert (call.method, call.parameters) == ("sendMessage", {"chat_id": 7001, "text": "Bonjour"})


def test_a_long_text_leaves_in_numbered_parts() -> None:
    calls = render(outbound("Une phrase. " * 600))
    assert len(calls) == 2
    assert calls[0].parameters["text"].endswith("\n(1/2)")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=40) | st.sampled_from(["👍🏽", "é", " ", "mot "]), max_size=60), st.integers(1, 120))
def test_no_part_is_ever_too_long_and_no_word_is_lost(pieces: list[str], times: int) -> None:
    text = "".join(pieces) * times
    found = [call.parameters["text"] for call in render(outbound(text))]
    assert all(0 < units(part) <= 4096 for part in found)
    shown = preview(outbound(text), {})
    assert [part.text for part in shown.parts if part.text] == found
    assert all(part.length == units(part.text) for part in shown.parts)


@settings(max_examples=100, deadline=None)
@given(
    st.text(max_size=60), st.text(max_size=60),
    st.dictionaries(st.sampled_from(["chat_id", "message_id", "topic"]), st.none() | st.integers() | st.text()),
)  # fmt: skip
def test_no_message_makes_render_fail(thread: str, choice: str, answers: dict[str, Any]) -> None:
    for call in render(outbound("x", thread_key=thread, answers=answers, choices=(choice, choice))):
        assert isinstance(call.parameters["chat_id"], int)


def test_answers_to_tap() -> None:
    long = "Non, parce que la réparation a pris beaucoup plus de temps que prévu"
    (call,) = render(outbound("Content ?", choices=("Oui", long, "Oui")))
    rows = call.parameters["reply_markup"]["inline_keyboard"]
    assert rows == [[{"text": "Oui", "callback_data": "Oui"}], [{"text": long, "callback_data": "choice:1"}]]


def test_in_a_group_it_says_which_message_it_answers() -> None:
    answers = {"chat_id": -100, "message_id": 31, "topic": 5}
    (call,) = render(outbound(thread_key="group:-100:7002", answers=answers, is_public=True))
    assert call.parameters["chat_id"] == -100
    assert call.parameters["message_thread_id"] == 5
    assert call.parameters["reply_parameters"] == {"message_id": 31, "allow_sending_without_reply": True}
    (private,) = render(outbound(thread_key="dm:7002", answers=answers))
    assert private.parameters == {"chat_id": 7002, "text": "Bonjour"}
    assert private_thread({"author": "7002"}) == "dm:7002"
    assert private_thread({"author": ""}) == ""


def test_a_business_account_answers_under_its_connection_for_a_day() -> None:
    (call,) = render(outbound(thread_key="business:bc-1:7001"))
    assert call.parameters == {"chat_id": 7001, "business_connection_id": "bc-1", "text": "Bonjour"}
    at = datetime(2026, 1, 31, tzinfo=UTC)
    found = window(at, is_public=False, facts={"business_connection_id": "bc-1"})
    assert found is not None
    assert (found.closes_at, found.after) == (at + timedelta(hours=24), After.NOTHING)
    assert window(at, is_public=False, facts={"chat_id": 7001}) is None


def test_pictures_and_files() -> None:
    files = (OutboundFile("a.png", "image/png", b"x"), OutboundFile("b.svg", "image/svg+xml", b"<svg/>"))
    assert [(c.method, c.part) for c in render(outbound("", files=files))] == [
        ("sendPhoto", "photo"), ("sendDocument", "document"),
    ]  # fmt: skip


def test_nowhere_to_go() -> None:
    assert render(outbound(thread_key="", to=())) == []
    assert render(outbound("")) == []
