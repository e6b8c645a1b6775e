"""An answer of ours: its headers, its text in both forms, and that nobody's text becomes a header."""

import email
import email.policy
import unicodedata
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comptoir.channels.email.headers import split_fields
from comptoir.channels.email.identify import is_ours, split
from comptoir.channels.email.mime import parse_mail
from comptoir.channels.email.render import recipients, render, wire_address
from comptoir.channels.email.trim import trim_html
from comptoir.core.errors import ChannelError
from comptoir.core.types import AccountConfig, Author, Outbound, OutboundFile

KEY = b"k" * 32
AT = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
ACCOUNT = AccountConfig(1, "email", "Acme Support", "support@brand.test", {"plus_addressing": True})
ADA = Author("email", "ada@customer.test", "Ada Martin")
TOKEN = "aaaaaaaaaabbbbbbbbbbccc"
EXPECTED_FIELDS = {
    "date", "from", "to", "cc", "reply-to", "subject", "message-id", "in-reply-to", "references", "x-comptoir-sent",
    "auto-submitted", "x-auto-response-suppress", "mime-version", "content-type", "content-transfer-encoding",
}  # fmt: skip


def outbound(**changes: object) -> Outbound:
    values: dict[str, object] = {
        "key": "7.abc@brand.test",
        "text": "Hello Ada,\n\nit works again.",
        "to": (ADA,),
        "subject": "Re: Line",
    }
    return Outbound(**{**values, **changes})


def rendered(**changes: object) -> bytes:
    return render(outbound(**changes), ACCOUNT, at=AT, token_key=KEY)


def read(raw: bytes) -> EmailMessage:
    return email.message_from_bytes(raw, policy=email.policy.default)


def test_a_reply_carries_everything_that_threads_it() -> None:
    mail = read(
        rendered(
            in_reply_to="q2@customer.test",
            references=("q1@customer.test", "q2@customer.test"),
            reply_token=TOKEN,
            from_name="Camille Roux",
            cc=(Author("email", "bob@customer.test"),),
        )
    )
    assert mail["Message-ID"] == "<7.abc@brand.test>"
    assert mail["In-Reply-To"] == "<q2@customer.test>"
    assert mail["References"].split() == ["<q1@customer.test>", "<q2@customer.test>"]
    assert mail["From"] == "Camille Roux <support@brand.test>"
    assert mail["To"] == "Ada Martin <ada@customer.test>"
    assert mail["Cc"] == "bob@customer.test"
    assert mail["Reply-To"] == f"Camille Roux <support+c_{TOKEN}@brand.test>"
    assert mail["Date"] == "Sun, 22 Nov 2026 10:00:00 +0000"
    assert mail["Auto-Submitted"] is None


def test_a_mailbox_without_plus_addresses_has_no_reply_to() -> None:
    plain = AccountConfig(1, "email", "Acme", "support@brand.test", {"plus_addressing": False})
    assert b"Reply-To" not in render(outbound(reply_token=TOKEN), plain, at=AT, token_key=KEY)


def test_a_token_that_makes_the_address_too_long_is_left_out() -> None:
    long = AccountConfig(1, "email", "Acme", f"{'s' * 40}@brand.test", {"plus_addressing": True})
    assert b"Reply-To" not in render(outbound(reply_token=TOKEN), long, at=AT, token_key=KEY)


def test_an_automatic_message_says_so() -> None:
    mail = read(rendered(automatic=True))
    assert mail["Auto-Submitted"] == "auto-replied"
    assert mail["X-Auto-Response-Suppress"] == "All"


def test_our_own_mail_is_recognised_and_a_forged_one_is_not() -> None:
    raw = rendered()
    assert is_ours(raw, "7.abc@brand.test", key=KEY)
    assert not is_ours(raw, "other@brand.test", key=KEY)
    assert not is_ours(raw, "7.abc@brand.test", key=b"x" * 32)
    assert not is_ours(b"Message-ID: <7.abc@brand.test>\r\n\r\n" + raw, "7.abc@brand.test", key=KEY)


def test_identifiers_longer_than_a_line_stay_whole() -> None:
    long = "x" * 120 + "@example.org"
    mail = read(rendered(in_reply_to=long, references=(long, "y" * 200 + "@example.org")))
    assert mail["In-Reply-To"] == f"<{long}>"
    assert mail["References"].split()[0] == f"<{long}>"


def test_of_a_long_chain_the_first_and_the_nearest_references_are_kept() -> None:
    chain = tuple(f"m{number}@example.org" for number in range(200))
    kept = read(rendered(references=chain))["References"].split()
    assert (len(kept), kept[0], kept[-1]) == (30, "<m0@example.org>", "<m199@example.org>")


def test_text_signature_and_history_stand_below_each_other_in_both_forms() -> None:
    history = "On 21/11/2026 09:00 UTC, Ada wrote:\n> My line is dead.\n> Please help."
    mail = read(rendered(signature="Acme Support\n+33 1 00 00 00 00", quoted=history))
    plain, rich = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert rich is not None
    assert plain.get_content().replace("\r\n", "\n") == (
        "Hello Ada,\n\nit works again.\n\n-- \nAcme Support\n+33 1 00 00 00 00\n\n" + history + "\n"
    )
    assert "<blockquote>My line is dead.<br>\nPlease help.</blockquote>" in rich.get_content().replace("\r\n", "\n")


def test_the_readers_of_our_own_parser_see_only_the_new_text() -> None:
    raw = rendered(signature="Acme Support", quoted="On 21/11/2026 09:00 UTC, Ada wrote:\n> My line is dead.")
    html = parse_mail(raw).html
    assert html is not None
    assert trim_html(html) == "Hello Ada,\n\nit works again."


def test_html_is_escaped_and_links_are_linked() -> None:
    mail = read(rendered(text='<script>alert(1)</script> see https://brand.test/a?b=1&c="2". Bye'))
    rich = mail.get_body(("html",))
    assert rich is not None
    html = rich.get_content()
    assert "<script>" not in html
    assert '<a href="https://brand.test/a?b=1&amp;c=">' in html


def test_files_arrive_byte_for_byte_under_their_names() -> None:
    files = (
        OutboundFile("facture n° 1 – été.pdf", "application/pdf", bytes(range(256))),
        OutboundFile("mail.eml", "message/rfc822", b"From: a@b.c\r\nSubject: inner\r\n\r\nhello\r\n"),
        OutboundFile("8bit.eml", "message/rfc822", "From: a@b.c\r\n\r\nété\r\n".encode()),
        OutboundFile("notes.txt", "text/plain; charset=utf-8", "été\n".encode()),
        OutboundFile("../../etc/passwd\r\nX: 1", "no type", b""),
    )
    mail = parse_mail(rendered(files=files))
    assert [a.filename for a in mail.attachments][:4] == ["facture n° 1 – été.pdf", "mail.eml", "8bit.eml", "notes.txt"]
    assert [a.content for a in mail.attachments[::2]] == [files[0].content, files[2].content, b""]
    assert mail.attachments[3].content == files[3].content
    assert mail.text.startswith("Hello Ada,")


def test_a_second_attempt_sends_the_same_bytes() -> None:
    file = OutboundFile("a.txt", "text/plain", b"x")
    assert rendered(files=(file,)) == rendered(files=(file,))


@pytest.mark.parametrize(
    "address",
    ["", "ada", "ada@", "@x.test", "a b@x.test", "a@x.test\r\nBcc: eve@x.test", "a@x.test,eve@x.test", "<a@x.test>",
     "é@x.test", ".a@x.test", "a..b@x.test", "a@-é" + "x" * 70 + ".test", 'a"b@x.test', "a@x@y"],
)  # fmt: skip
def test_an_impossible_address_is_refused_in_words(address: str) -> None:
    with pytest.raises(ChannelError) as caught:
        wire_address(address)
    assert caught.value.permanent
    assert "\n" not in str(caught.value)


def test_an_international_domain_travels_in_its_ascii_form() -> None:
    assert wire_address("ada@exämple.test") == "ada@xn--exmple-cua.test"


def test_everybody_is_in_the_envelope_once() -> None:
    message = outbound(to=(ADA, ADA), cc=(Author("email", "bob@customer.test"),))
    assert recipients(message) == ["ada@customer.test", "bob@customer.test"]
    with pytest.raises(ChannelError, match="no recipient"):
        recipients(outbound(to=()))


HOSTILE = st.text(
    alphabet=st.one_of(st.characters(), st.sampled_from('\r\n\t:<>@,;"\\=? \x00\u2028\x85')), max_size=120
)


@given(
    subject=HOSTILE,
    name=HOSTILE,
    sender=HOSTILE,
    text=HOSTILE,
    filename=HOSTILE,
    kind=HOSTILE,
    ids=st.lists(HOSTILE, max_size=3),
)
def test_no_text_of_anybody_becomes_a_header(
    subject: str, name: str, sender: str, text: str, filename: str, kind: str, ids: list[str]
) -> None:
    raw = rendered(
        subject=subject,
        to=(Author("email", "ada@customer.test", name),),
        from_name=sender,
        text=text,
        signature=text,
        quoted=text,
        in_reply_to=ids[0] if ids else "",
        references=tuple(ids),
        files=(OutboundFile(filename, kind, b"x"),),
    )
    fields, _, stray = split_fields(split(raw)[0])
    assert stray == -1
    assert set(fields) <= EXPECTED_FIELDS
    assert all(len(values) == 1 for values in fields.values())
    assert raw.isascii()
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    mail = parse_mail(raw)
    assert mail.from_email == "support@brand.test"
    assert [person.email for person in mail.to] == ["ada@customer.test"]
    assert mail.message_id == "7.abc@brand.test"
    assert len(mail.attachments) == 1


WORDS = st.text(
    alphabet=st.characters(categories=("L", "N", "P", "S", "Zs"), exclude_characters=">-_*<"), min_size=1, max_size=60
)


@given(subject=WORDS, name=WORDS, lines=st.lists(WORDS, min_size=1, max_size=6))
def test_what_was_written_is_read_again(subject: str, name: str, lines: list[str]) -> None:
    text = "\n".join(lines)
    mail = parse_mail(rendered(subject=subject, to=(Author("email", "ada@customer.test", name),), text=text))
    assert mail.subject.split() == unicodedata.normalize("NFC", subject).split()
    assert mail.text.split() == unicodedata.normalize("NFC", text).split()
