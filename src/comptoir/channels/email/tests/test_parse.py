"""What a mail means here: whose message it is, what a machine wrote, and what a bounce says about ours."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comptoir.channels.email import notices
from comptoir.channels.email.identify import stamp
from comptoir.channels.email.parse import parse
from comptoir.channels.email.render import render
from comptoir.core.crypto import sign_number, verify_number
from comptoir.core.errors import AnomalousPayload, UnsupportedEvent
from comptoir.core.types import AccountConfig, Author, Delivered, Inbound, InboundKind, Outbound, ParseContext

KEY = b"k" * 32
AT = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
CONTEXT = ParseContext(1, "support@brand.test", {}, "imap", AT, "x", KEY)
TOKEN = sign_number(42, key=KEY)


def mail(*, body: str = "Hello", **fields: str) -> bytes:
    given_fields = {
        "From": "Ada Martin <ada@customer.test>", "To": "support@brand.test", "Subject": "My line",
        "Message-ID": "<q1@customer.test>",
        **{name.replace("_", "-"): value for name, value in fields.items()},
    }  # fmt: skip
    head = "".join(f"{name}: {value}\r\n" for name, value in given_fields.items() if value)
    return f"{head}\r\n{body}\r\n".encode()


def read(raw: bytes) -> list[Inbound]:
    return parse(raw, CONTEXT, lambda content: f"key-{len(content)}")


def message(raw: bytes) -> Inbound:
    return read(raw)[-1]


def test_a_customers_mail_becomes_their_message() -> None:
    raw = mail(
        Cc="Bob <bob@customer.test>",
        In_Reply_To="<a1@brand.test>",
        References="<a0@brand.test> <a1@brand.test>",
        Date="Sun, 22 Nov 2026 09:00:00 +0100",
        body="It still fails.\r\n\r\nOn 21/11/2026 09:00 UTC, Acme wrote:\r\n> Have you tried it again?",
    )
    [found] = read(raw)
    assert found.kind is InboundKind.MESSAGE
    assert found.author == Author("email", "ada@customer.test", "Ada Martin")
    assert (found.subject, found.message_id) == ("My line", "q1@customer.test")
    assert (found.in_reply_to, found.references) == (("a1@brand.test",), ("a0@brand.test", "a1@brand.test"))
    assert found.cc == (Author("email", "bob@customer.test", "Bob"),)
    assert found.visible_text == "It still fails."
    assert "Have you tried" in found.text
    assert found.sent_at == datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
    assert (found.automatic, found.reply_to, found.thread_key) == ("", (), "")


def test_html_is_stored_sanitised() -> None:
    found = message(
        mail(Content_Type="text/html; charset=utf-8", body="<p onclick=x()>Hi</p><script>alert(1)</script>")
    )
    assert "<p>Hi</p>" in found.html
    assert "script" not in found.html
    assert "onclick" not in found.html


def test_files_are_stored_under_their_keys() -> None:
    outbound = Outbound("k@x.test", "see file", (Author("email", "support@brand.test"),), subject="Inner")
    inner = render(outbound, AccountConfig(1, "email", "Ada", "ada@customer.test", {}), at=AT, token_key=KEY)
    body = (
        "--b\r\nContent-Type: text/plain\r\n\r\nsee below\r\n"
        "--b\r\nContent-Type: image/png; name=a.png\r\nContent-ID: <cid1@x>\r\n"
        "Content-Disposition: inline\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n"
        "--b\r\nContent-Type: message/rfc822\r\n\r\n" + inner.decode() + "\r\n--b--"
    )
    found = message(mail(Content_Type="multipart/mixed; boundary=b", body=body))
    assert [(blob.filename, blob.content_type, blob.inline) for blob in found.blobs] == [
        ("a.png", "image/png", True), ("Inner.eml", "message/rfc822", False),
    ]  # fmt: skip
    assert found.blobs[0].content_id == "cid1@x"
    assert found.blobs[0].key == "key-8"
    assert "see file" not in found.text


# --- whose message --------------------------------------------------------------------------------------------------


def test_a_mail_without_a_sender_is_kept_under_a_clear_name() -> None:
    assert message(mail(From="")).author == Author("email", "", "(no sender)")


def test_answers_are_wanted_where_the_author_says() -> None:
    found = message(mail(Reply_To="Office <office@customer.test>"))
    assert found.author.address == "ada@customer.test"
    assert found.reply_to == (Author("email", "office@customer.test", "Office"),)


def test_a_contact_form_that_writes_from_our_address_is_the_visitors_message() -> None:
    found = message(mail(From="Web site <support@brand.test>", Reply_To="Ada <ada@customer.test>"))
    assert found.author == Author("email", "ada@customer.test", "Ada")


@pytest.mark.parametrize("sender", ["support@brand.test", "SUPPORT@brand.test", "support+c_x@brand.test"])
def test_a_mail_from_our_own_address_is_no_customers_message(sender: str) -> None:
    with pytest.raises(UnsupportedEvent, match="own address"):
        read(mail(From=sender))


def test_our_own_mail_that_comes_back_is_no_message() -> None:
    raw = mail(X_Comptoir_Sent=stamp("q1@customer.test", key=KEY))
    with pytest.raises(UnsupportedEvent, match="came back"):
        read(raw)


@pytest.mark.parametrize("mark", [stamp("q2@customer.test", key=KEY), stamp("q1@customer.test", key=b"x" * 32), "yes"])
def test_a_forged_stamp_hides_nothing(mark: str) -> None:
    assert message(mail(X_Comptoir_Sent=mark)).text == "Hello"


# --- tokens ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "fields"),
    [
        ("to", {"To": f"Acme <support+c_{TOKEN}@brand.test>"}),
        ("capitals", {"To": f"SUPPORT+C_{TOKEN.upper()}@BRAND.TEST"}),
        ("copy", {"Cc": f"x@y.test, support+c_{TOKEN}@brand.test"}),
        ("delivery", {"Delivered_To": f"support+c_{TOKEN}@brand.test"}),
        ("original", {"X_Original_To": f"support+c_{TOKEN}@brand.test"}),
        ("alias", {"To": f"help+c_{TOKEN}@elsewhere.test"}),
        ("ours before others", {"To": f"x+c_{'b' * 23}@elsewhere.test, support+c_{TOKEN}@brand.test"}),
    ],
)
def test_the_token_is_found_wherever_the_mail_was_addressed(case: str, fields: dict[str, str]) -> None:
    found = message(mail(**fields))
    assert found.reply_token == TOKEN, case
    assert verify_number(found.reply_token, key=KEY) == 42


@pytest.mark.parametrize(
    "text", [f"support+c_{TOKEN[:-1]}@brand.test", "support+sales@brand.test", f"c_{TOKEN}@brand.test"]
)
def test_other_plus_addresses_are_no_tokens(text: str) -> None:
    assert message(mail(To=text)).reply_token == ""


def test_a_token_in_the_text_or_the_subject_counts_for_nothing() -> None:
    text = f"support+c_{TOKEN}@brand.test"
    assert message(mail(Subject=text, body=text)).reply_token == ""


# --- machines -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "fields", "expected"),
    [
        ("a person", {}, ""),
        ("says it is no machine", {"Auto_Submitted": "no"}, ""),
        ("vacation", {"Auto_Submitted": "auto-replied"}, "auto-reply"),
        ("program", {"Auto_Submitted": "auto-generated"}, "auto-reply"),
        ("out of office", {"Subject": "Réponse automatique : My line"}, "auto-reply"),
        ("newsletter", {"List_Id": "<news.shop.test>", "Precedence": "bulk"}, "list"),
        ("our own group", {"List_Id": "<support.brand.test>", "Precedence": "list"}, ""),
        ("a list that ends like us", {"List_Id": "<support.notbrand.test>"}, "list"),
        ("our loop mark", {"X_Loop": "support@brand.test"}, "loop"),
        ("another's loop mark", {"X_Loop": "x@shop.test"}, ""),
    ],
)
def test_machines_are_named(case: str, fields: dict[str, str], expected: str) -> None:
    assert message(mail(**fields)).automatic == expected, case


def test_a_mail_that_went_in_circles_is_a_loop() -> None:
    assert message(b"Received: from a by b\r\n" * 61 + mail()).automatic == "loop"


def bounce(action: str = "failed", original: str = "Message-ID: <7.abc@brand.test>") -> bytes:
    body = (
        "--b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx\r\n\r\n"
        f"Final-Recipient: rfc822; ada@customer.test\r\nAction: {action}\r\nStatus: 5.1.1\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 Unknown\r\n"
        f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\n{original}\r\nSubject: Re: My line\r\n--b--"
    )
    kind = "multipart/report; report-type=delivery-status; boundary=b"
    return mail(From="MAILER-DAEMON@mx.test", Subject="Undelivered", Return_Path="<>", Content_Type=kind, body=body)


def test_a_bounce_is_a_receipt_and_a_message() -> None:
    receipt, visible = read(bounce())
    assert receipt.receipt is not None
    assert (receipt.kind, receipt.receipt.key, receipt.receipt.state) == (
        InboundKind.RECEIPT,
        "7.abc@brand.test",
        Delivered.FAILED,
    )
    assert receipt.receipt.reason == "ada@customer.test: 550 5.1.1 Unknown"
    assert receipt.author == visible.author
    assert (visible.automatic, visible.kind) == ("bounce", InboundKind.MESSAGE)
    assert "7.abc@brand.test" in visible.references


@pytest.mark.parametrize(
    ("action", "state"), [("delivered", Delivered.DELIVERED), ("delayed", None), ("relayed", None), ("expanded", None)]
)
def test_other_reports_decide_only_what_they_say(action: str, state: Delivered | None) -> None:
    found = read(bounce(action))
    assert found[-1].automatic == "bounce"
    assert [event.receipt.state for event in found if event.receipt] == ([state] if state else [])


def test_a_bounce_that_does_not_name_our_message_is_still_shown() -> None:
    [visible] = read(bounce(original="X-Nothing: here"))
    assert visible.automatic == "bounce"


# --- what was not fetched whole -------------------------------------------------------------------------------------


def test_a_mail_that_was_left_in_the_mailbox_says_so_in_both_languages() -> None:
    header = mail().partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    found = message(notices.oversize(header, 73_400_000, 50_000_000))
    assert (found.author.address, found.subject) == ("ada@customer.test", "My line")
    assert "73.4 MB" in found.text
    assert "73.4 Mo" in found.text
    failed = message(notices.undelivered(header, "INBOX, UID 7: broken\r\nX: 1"))
    assert "INBOX, UID 7: broken X: 1" in failed.text


def test_a_mail_of_which_nothing_could_be_fetched_is_set_aside_with_the_reason() -> None:
    with pytest.raises(AnomalousPayload, match="UID 7"):
        read(notices.undelivered(b"", "INBOX, UID 7: broken"))


def test_a_notice_within_a_mail_means_nothing() -> None:
    assert message(b"Received: by mx\r\nX-Comptoir-Oversize: 9 9\r\n" + mail()).text == "Hello"


@given(st.binary(max_size=1500))
def test_any_bytes_are_a_message_or_set_aside(raw: bytes) -> None:
    try:
        found = read(raw)
    except (AnomalousPayload, UnsupportedEvent):
        return
    assert 1 <= len(found) <= 2


PIECES = st.sampled_from(
    ["From: a@b.test", "From: support@brand.test", "To: x+c_" + TOKEN + "@y", "Reply-To: <>", "Reply-To: a@b, c@d",
     "X-Loop: ", "X-Loop: \xff", "Content-Type: multipart/report; boundary=b", "--b", "--b--", "", "Action: failed",
     "Content-Type: message/delivery-status", "Final-Recipient: rfc822", "Message-ID: <x", "References: <a> <a> b",
     "Date: now", "List-Id: <", "Auto-Submitted: ", "Received: x", "Content-Type: message/rfc822", "hello",
     "X-Comptoir-Sent: aaaaaaaaaaaaaaaa", "Subject: =?utf-8?b?4p2k?=", "Content-Type: text/html", "<b>"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=40))
def test_pieces_of_mails_are_a_message_or_set_aside(pieces: list[str]) -> None:
    try:
        found = read("\r\n".join(pieces).encode("utf-8", "replace"))
    except (AnomalousPayload, UnsupportedEvent):
        return
    assert all("\x00" not in event.text for event in found)
    assert all(event.automatic or event.kind is InboundKind.MESSAGE or event.receipt for event in found)


def test_the_bounce_of_a_real_server_is_understood() -> None:
    raw = (Path(__file__).parent.parent / "fixtures" / "bounce-opensmtpd-captured.eml").read_bytes()
    receipt, visible = read(raw)
    assert receipt.receipt is not None
    assert (receipt.receipt.key, receipt.receipt.state) == ("7.0f6c2a@brand.test", Delivered.FAILED)
    assert receipt.receipt.reason == "ada@gone.test: 550 5.1.1 User unknown"
    assert visible.automatic == "bounce"
