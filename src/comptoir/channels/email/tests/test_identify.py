"""One mail, one id; another mail, another id; any bytes have one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comptoir.channels.email.identify import external_id

MAIL = (
    b"Received: from a by b\r\nMessage-ID: <one@example.org>\r\nFrom: Ada <ada@example.org>\r\n"
    b"Date: Sun, 22 Nov 2026 10:00:00 +0100\r\n"
    b"Subject: A long\r\n subject\r\n\r\nHello\r\nFrom here on\r\n"
)


@pytest.mark.parametrize(
    ("case", "again"),
    [
        ("other trace headers", b"Received: from c by d\r\nX-Spam: no\r\n" + MAIL),
        ("line feeds only", MAIL.replace(b"\r\n", b"\n")),
        ("blank lines at the end", MAIL + b"\r\n\r\n"),
        ("guarded From of an mbox", MAIL.replace(b"From here", b">From here")),
        ("doubly guarded From", MAIL.replace(b"From here", b">>From here")),
        ("refolded subject", MAIL.replace(b"A long\r\n subject", b"A long subject")),
        ("names of fields in capitals", MAIL.replace(b"Message-ID:", b"MESSAGE-ID:").replace(b"Subject:", b"SUBJECT:")),
    ],
)
def test_the_same_mail_has_the_same_id(case: str, again: bytes) -> None:
    assert external_id(again) == external_id(MAIL), case


@pytest.mark.parametrize(
    ("case", "other"),
    [
        ("another body", MAIL.replace(b"Hello", b"Hallo")),
        ("another author", MAIL.replace(b"ada@", b"eve@")),
        ("another subject", MAIL.replace(b"long", b"short")),
        ("another date", MAIL.replace(b"10:00", b"10:01")),
        ("another identifier", MAIL.replace(b"one@", b"two@")),
        ("no identifier", MAIL.replace(b"Message-ID: <one@example.org>\r\n", b"")),
    ],
)
def test_a_different_mail_has_a_different_id(case: str, other: bytes) -> None:
    assert external_id(other) != external_id(MAIL), case


def test_the_id_begins_with_the_message_id() -> None:
    assert external_id(MAIL).startswith("one@example.org#")
    assert external_id(MAIL.replace(b"<one@example.org>", b"one@example.org")).startswith("one@example.org#")


def test_text_cannot_move_from_one_field_to_the_next() -> None:
    first = b"Message-ID: <a@b>\nFrom: x\nDate: y\n\nbody"
    second = b"Message-ID: <a@b>\nFrom: xy\nDate:\n\nbody"
    assert external_id(first) != external_id(second)


def test_a_mail_with_an_endless_identifier_keeps_its_digest() -> None:
    long = MAIL.replace(b"one@example.org", b"x" * 5000)
    assert len(external_id(long)) == 225
    assert external_id(long) != external_id(long.replace(b"Hello", b"Hallo"))


@given(st.binary(max_size=2000))
def test_any_bytes_have_a_short_printable_id(raw: bytes) -> None:
    found = external_id(raw)
    assert len(found) <= 225
    assert found.isascii()
    assert found.isprintable()
    assert " " not in found
    assert external_id(raw) == found


@given(
    st.lists(
        st.sampled_from(
            [b"Message-ID: <", b"From: ", b"\r\n ", b"\r", b"\n", b"\n\n", b">From ", b"\x00", b"\xff", b":"]
        ),
        max_size=40,
    )
)
def test_pieces_of_mails_have_an_id(pieces: list[bytes]) -> None:
    assert "#" in external_id(b"".join(pieces))


def test_a_huge_header_costs_no_more_than_its_length() -> None:
    assert external_id(b"Subject: " + b"x\n " * 1_000_000).startswith("#")
