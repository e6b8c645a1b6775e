"""What leaves, counted in segments. The counts are made independently of the product, from the standard's table."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comptoir.channels.sms.render import preview, render, window
from comptoir.core.types import Author, Outbound

TO = (Author("sms", "+33700900001"),)
OPTIONS = {"number": "+33 700900000"}
# 3GPP TS 23.038, table 6.2.1, column by column; the extension's characters take two places.
BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = "^{}\\[~]|€\f"


def outbound(text: str = "Bonjour", **more: Any) -> Outbound:
    return Outbound(**{"key": "k", "text": text, "to": TO, "thread_key": "dm:+33700900001", **more})


def room_and_length(part: str, *, wide: bool) -> int:
    if wide:
        return sum(2 if ord(char) > 0xFFFF else 1 for char in part)
    return sum(2 if char in EXTENSION else 1 for char in part)


@pytest.mark.parametrize(
    ("text", "segments", "room"),
    [("a" * 160, 1, 160), ("a" * 161, 2, 153), ("€" * 80, 1, 160), ("€" * 81, 2, 153), ("’" * 70, 1, 70),
     ("’" * 71, 2, 67), ("👍" * 35, 1, 70), ("👍" * 36, 2, 67)],
)  # fmt: skip
def test_segments(text: str, segments: int, room: int) -> None:
    shown = preview(outbound(text), {})
    assert (len(shown.parts), shown.limit) == (segments, room)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.text(max_size=30) | st.sampled_from(["é", "€", "👍🏽", "mot ", "’"]), max_size=40), st.integers(1, 40)
)
def test_nothing_is_longer_than_the_gateway_and_the_networks_take(pieces: list[str], times: int) -> None:
    message = outbound("".join(pieces) * times)
    calls = render(message, OPTIONS)
    for call in calls:
        assert 0 < sum(2 if ord(char) > 0xFFFF else 1 for char in call["Body"]) <= 1600
    shown = preview(message, OPTIONS)
    assert "".join(part.text for part in shown.parts) == "".join(call["Body"] for call in calls)
    for part in shown.parts:
        assert part.length <= shown.limit
        assert part.length >= room_and_length(part.text, wide=False) // 2
        if all(char in BASIC + EXTENSION for char in message.text):
            assert part.length == room_and_length(part.text, wide=False)


def test_who_sends() -> None:
    (call,) = render(outbound(), OPTIONS, callback="https://desk.example.org/in/k")
    assert call == {
        "To": "+33700900001", "From": "+33700900000", "Body": "Bonjour",
        "StatusCallback": "https://desk.example.org/in/k",
    }  # fmt: skip
    (pool,) = render(outbound(), {"number": "+331", "messaging_service": "MG1"})
    assert (pool["MessagingServiceSid"], "From" in pool) == ("MG1", False)
    (same,) = render(outbound(answers={"number": "+33700900009"}), {})
    assert same["From"] == "+33700900009"
    (whatsapp,) = render(outbound(to=(Author("sms", "whatsapp:+5511988887777"),)), OPTIONS)
    assert whatsapp["From"] == "whatsapp:+33700900000"


def test_nobody_nowhere_nothing() -> None:
    assert render(outbound(), {}) == []
    assert render(outbound(to=(), thread_key=""), OPTIONS) == []
    assert render(outbound(" "), OPTIONS) == []


def test_whatsapp_may_be_answered_for_a_day() -> None:
    at = datetime(2026, 1, 31, tzinfo=UTC)
    found = window(at, is_public=False, facts={"from": "whatsapp:+5511988887777"})
    assert found is not None
    assert found.closes_at == at + timedelta(hours=24)
    assert window(at, is_public=False, facts={"from": "+33700900001"}) is None
