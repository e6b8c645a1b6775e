"""E-mail against real servers: Dovecot and OpenSMTPD on loopback, mails sent by a real client."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from django.db import connections

from comptoir.channels.email import client_smtp, trying
from comptoir.channels.email.client_imap import open_session
from comptoir.channels.email.config import mailbox_of
from comptoir.channels.email.parse import parse
from comptoir.channels.email.watching import watch
from comptoir.channels.models import AccountHealth, ChannelAccount, Cursor
from comptoir.channels.services import account_config
from comptoir.core import clock, crypto
from comptoir.core.errors import ChannelError, UnsupportedEvent
from comptoir.core.types import Author, Delivered, Inbound, InboundKind, Outbound, OutboundFile, ParseContext
from comptoir.inbound.models import Record
from comptoir.testing.builders import make_account, make_team
from comptoir.testing.mailserver import ADA, PASSWORDS, SUPPORT, MailServers, running_mail_servers

pytestmark = [pytest.mark.servers, pytest.mark.django_db(transaction=True)]


@pytest.fixture(scope="module")
def servers() -> Iterator[MailServers]:
    with running_mail_servers() as running:
        yield running


@pytest.fixture
def mail(servers: MailServers) -> MailServers:
    servers.empty(*PASSWORDS)
    return servers


@pytest.fixture
def account(mail: MailServers) -> ChannelAccount:
    return connect(mail)


def connect(mail: MailServers, *, password: str = PASSWORDS[SUPPORT], **options: object) -> ChannelAccount:
    chosen = {
        "address": SUPPORT,
        "imap_host": "127.0.0.1", "imap_port": mail.imaps, "imap_security": "tls", "auth": "password",
        "smtp_host": "127.0.0.1", "smtp_port": mail.submission, "smtp_security": "starttls", "folders": "INBOX",
        "authority": mail.authority, "plus_addressing": True, **options,
    }  # fmt: skip
    secrets = crypto.encrypt_mapping({"password": password})
    return make_account(make_team(), address=SUPPORT, name="Acme", options=chosen, credentials=secrets)


@contextmanager
def watching(*accounts: ChannelAccount) -> Iterator[None]:
    """Watch accounts in threads, as the worker does."""
    stop = threading.Event()

    def run(account_id: int) -> None:
        try:
            watch(account_id, stop.is_set)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(account.pk,), daemon=True) for account in accounts]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(20)
            assert not thread.is_alive()


def until(condition: Callable[[], bool], *, seconds: float = 10) -> float:
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds, "it did not happen in time"
        time.sleep(0.02)
    return time.monotonic() - begun


def written(number: int, text: str = "Hello", sender: str = ADA) -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, SUPPORT, f"Mail {number}"
    mail["Message-ID"], mail["Date"] = f"<m{number}@customer.test>", "Sun, 22 Nov 2026 10:00:00 +0000"
    mail.set_content(text)
    return mail.as_bytes()


def records(account: ChannelAccount) -> int:
    return Record.objects.filter(account=account).count()


def is_connected(account: ChannelAccount) -> Callable[[], bool]:
    return lambda: AccountHealth.objects.filter(account=account, connected_at__isnull=False).exists()


def parsed(raw: bytes, account: ChannelAccount) -> list[Inbound]:
    key = crypto.derive_key("reply-token")
    return parse(
        raw, ParseContext(account.pk, SUPPORT, account.options, "imap", clock.now(), "x", key), lambda content: "k"
    )


def answer(key: str = "1.abc@brand.test", **changes: object) -> Outbound:
    values: dict[str, object] = {
        "key": key, "text": "It works again.\n.\n..two dots\nété",
        "to": (Author("email", ADA, "Ada Martin"),), "subject": "Re: Mail 1",
        "in_reply_to": "m1@customer.test", "references": ("m1@customer.test",),
        "reply_token": crypto.sign_number(7, key=crypto.derive_key("reply-token")),
    }  # fmt: skip
    return Outbound(**{**values, **changes})


# --- in -------------------------------------------------------------------------------------------------------------


def test_a_mail_arrives_by_idle_within_two_seconds(mail: MailServers, account: ChannelAccount) -> None:
    with watching(account):
        until(is_connected(account))
        for number in (1, 2, 3):
            mail.deliver(written(number))
            assert until(lambda expected=number: records(account) == expected) < 2  # type: ignore[misc]  # bound now
    record = Record.objects.filter(account=account).earliest("id")
    assert (record.source, record.content_type) == ("imap", "message/rfc822")
    assert record.external_id.startswith("m1@customer.test#")
    [message] = parsed(bytes(record.raw), account)
    assert (message.author.address, message.subject, message.text.strip()) == (ADA, "Mail 1", "Hello")


def test_a_gap_of_any_length_is_filled_after_an_outage(mail: MailServers, account: ChannelAccount) -> None:
    mail.append([written(number) for number in range(5)])
    with watching(account):
        until(lambda: records(account) == 5)
    mail.append([written(number) for number in range(5, 210)])
    with watching(account):
        until(lambda: records(account) == 210, seconds=30)
    cursor = Cursor.objects.get(account=account, stream="INBOX")
    assert cursor.position == 210


def test_a_server_that_stops_and_starts_again_loses_nothing(mail: MailServers, account: ChannelAccount) -> None:
    with watching(account):
        until(is_connected(account))
        mail.stop_imap()
        try:
            until(lambda: AccountHealth.objects.get(account=account).last_error_at is not None, seconds=30)
            assert "127.0.0.1" in AccountHealth.objects.get(account=account).last_error
        finally:
            mail.start_imap()  # the tests after this one use it as well
        mail.append([written(1)])
        until(lambda: records(account) == 1, seconds=20)
        until(lambda: AccountHealth.objects.get(account=account).last_error == "")


def test_a_renumbered_mailbox_is_read_again_without_doubles(mail: MailServers, account: ChannelAccount) -> None:
    mail.append([written(number) for number in range(10)])
    with watching(account):
        until(lambda: records(account) == 10)
    before = Cursor.objects.get(account=account)
    mail.rebuild()
    mail.append([written(number) for number in range(10, 12)])
    with watching(account):
        until(lambda: records(account) == 12)
        until(lambda: Cursor.objects.get(account=account).position == 12)
    after = Cursor.objects.get(account=account)
    assert after.epoch != before.epoch
    time.sleep(0.2)
    assert records(account) == 12


def test_the_same_mail_twice_is_one_record_and_a_reused_identifier_another(
    mail: MailServers, account: ChannelAccount
) -> None:
    mail.append([written(1), b"X-Trace: second way\r\n" + written(1), written(1, text="Something else")])
    with watching(account):
        until(lambda: Cursor.objects.filter(account=account, position=3).exists())
    assert records(account) == 2


def test_nothing_in_the_mailbox_is_changed(mail: MailServers, account: ChannelAccount) -> None:
    mail.append([written(1)])
    with watching(account):
        until(lambda: records(account) == 1)
    with mail.mailbox() as client:
        assert client.get_flags(client.search()) == {1: ()} or b"\\Seen" not in client.get_flags([1])[1]
        assert len(client.search()) == 1


def test_several_folders_are_read(mail: MailServers) -> None:
    account = connect(mail, folders="INBOX\nComplaints")
    mail.append([written(1)])
    mail.append([written(2), written(3)], folder="Complaints")
    with watching(account):
        until(lambda: records(account) == 3)
    assert dict(Cursor.objects.filter(account=account).values_list("stream", "position")) == {
        "INBOX": 1,
        "Complaints": 2,
    }


def test_a_mailbox_may_begin_with_new_mails_only(mail: MailServers) -> None:
    account = connect(mail, start="new")
    mail.append([written(1), written(2)])
    with watching(account):
        until(is_connected(account))
        mail.append([written(3)])
        until(lambda: records(account) == 1)
    assert Record.objects.get(account=account).external_id.startswith("m3@")


def test_a_renumbered_mailbox_that_began_with_new_mails_stays_without_the_old_ones(mail: MailServers) -> None:
    account = connect(mail, start="new")
    with mail.mailbox() as client:
        client.append("INBOX", written(1), msg_time=datetime(2020, 1, 1, tzinfo=UTC))
    with watching(account):
        until(is_connected(account))
        mail.append([written(2)])
        until(lambda: records(account) == 1)
    mail.rebuild()
    mail.append([written(3)])
    with watching(account):
        until(lambda: records(account) == 2)
    assert not Record.objects.filter(account=account, external_id__startswith="m1@").exists()


def test_a_mail_that_is_too_large_is_announced(mail: MailServers, account: ChannelAccount, settings: object) -> None:
    settings.MAX_RECORD_BYTES = 5000  # type: ignore[attr-defined]  # the fixture's wrapper
    mail.append([written(1), written(2, text="x\n" * 4000), written(3)])
    with watching(account):
        until(lambda: records(account) == 3)
    large = Record.objects.get(account=account, external_id__startswith="m2@")
    [message] = parsed(bytes(large.raw), account)
    assert message.subject == "Mail 2"
    assert "It is still in the mailbox" in message.text


def test_only_one_worker_watches_a_mailbox(mail: MailServers, account: ChannelAccount) -> None:
    with watching(account, account):
        until(is_connected(account))
        time.sleep(0.5)
        with mail.mailbox() as client:
            assert client.search() == []
        mail.deliver(written(1))
        until(lambda: records(account) == 1)
    assert mail.log_tail()


def test_our_own_answer_that_comes_back_is_no_message(mail: MailServers, account: ChannelAccount) -> None:
    me = (Author("email", SUPPORT, "Acme"),)
    client_smtp.send(answer(to=me), account_config(account), lambda: None)
    [raw] = mail.mails(SUPPORT)
    with pytest.raises(UnsupportedEvent, match="came back"):
        parsed(raw, account)
    with pytest.raises(UnsupportedEvent, match="own address"):
        parsed(written(1, sender=SUPPORT), account)


# --- out ------------------------------------------------------------------------------------------------------------


def test_an_answer_leaves_by_tls_and_arrives_whole(mail: MailServers, account: ChannelAccount) -> None:
    steps: list[str] = []
    receipt = client_smtp.send(answer(), account_config(account), lambda: steps.append("handed over"))
    assert (receipt.key, receipt.state, steps) == ("1.abc@brand.test", Delivered.SENT, ["handed over"])
    assert receipt.provider_id.startswith("250")
    [raw] = mail.mails(ADA)
    [message] = parsed(
        raw.replace(b"X-Comptoir-Sent", b"X-Removed").replace(b"From: Acme <support", b"From: Acme <sup"), account
    )
    assert message.text == "It works again.\n.\n..two dots\nété"
    assert message.message_id == "1.abc@brand.test"
    assert message.in_reply_to == ("m1@customer.test",)
    assert b"Reply-To: Acme <support+c_" in raw


def test_an_answer_to_our_reply_address_finds_its_token(mail: MailServers, account: ChannelAccount) -> None:
    token = crypto.sign_number(7, key=crypto.derive_key("reply-token"))
    mail.deliver(written(1), to=[f"support+c_{token.upper()}@brand.test"])
    with watching(account):
        until(lambda: records(account) == 1)
    [message] = parsed(bytes(Record.objects.get(account=account).raw), account)
    assert message.reply_token == token


def test_a_refused_recipient_means_that_nobody_receives_it(mail: MailServers, account: ChannelAccount) -> None:
    plain = connect(mail, smtp_port=mail.smtp, smtp_security="none")
    steps: list[str] = []
    both = answer(cc=(Author("email", "eve@elsewhere.test"),))
    with pytest.raises(ChannelError, match=r"eve@elsewhere\.test.*Nobody has received.*550") as caught:
        client_smtp.send(both, account_config(plain), lambda: steps.append("handed over"))
    assert caught.value.permanent
    assert steps == []
    client_smtp.send(answer("2.abc@brand.test"), account_config(account), lambda: None)
    [raw] = mail.mails(ADA)
    assert b"2.abc@brand.test" in raw


def test_a_message_that_is_too_large_for_the_server_is_refused_before_it_leaves(
    mail: MailServers, account: ChannelAccount
) -> None:
    with pytest.raises(ChannelError, match="MB") as caught:
        file = OutboundFile("large.bin", "application/octet-stream", b"x" * 3_000_000)
        client_smtp.send(answer(files=(file,)), account_config(account), lambda: None)
    assert caught.value.permanent


def test_a_claim_that_was_lost_sends_nothing(mail: MailServers, account: ChannelAccount) -> None:
    def lost() -> None:
        raise UnsupportedEvent("the claim was lost")

    with pytest.raises(UnsupportedEvent):
        client_smtp.send(answer(), account_config(account), lost)
    client_smtp.send(answer("2.abc@brand.test"), account_config(account), lambda: None)
    [raw] = mail.mails(ADA)
    assert b"2.abc@brand.test" in raw


def test_a_copy_is_kept_and_found_again(mail: MailServers) -> None:
    account = connect(mail, sent_folder="Sent")
    config = account_config(account)
    assert client_smtp.reconcile(answer(), config) is None
    client_smtp.send(answer(), config, lambda: None)
    mail.mails(SUPPORT, folder="Sent")
    found = client_smtp.reconcile(answer(), config)
    assert found is not None
    assert found.state is Delivered.SENT


def test_a_bounce_tells_which_answer_failed_and_why(mail: MailServers, account: ChannelAccount) -> None:
    plain = connect(mail, smtp_port=mail.smtp, smtp_security="none")
    # The relay accepts the mail and learns later that nobody is there.
    client_smtp.send(answer(to=(Author("email", "nobody@gone.test"),)), account_config(plain), lambda: None)
    [raw] = mail.mails(SUPPORT, seconds=20)
    receipt, message = parsed(raw, account)
    assert receipt.kind is InboundKind.RECEIPT
    assert receipt.receipt is not None
    assert (receipt.receipt.key, receipt.receipt.state) == ("1.abc@brand.test", Delivered.FAILED)
    assert "nobody@gone.test" in receipt.receipt.reason
    assert message.automatic == "bounce"
    assert "1.abc@brand.test" in message.references


# --- settings -------------------------------------------------------------------------------------------------------


def test_good_settings_pass_every_step(mail: MailServers, account: ChannelAccount) -> None:
    steps = list(trying.test(account_config(account)))
    assert [error for _step, error in steps] == ["", "", ""]
    [raw] = mail.mails(SUPPORT)
    with pytest.raises(UnsupportedEvent):  # the probe never becomes a message
        parsed(raw, account)


@pytest.mark.parametrize(
    ("case", "options", "imap", "smtp"),
    [
        ("wrong folder", {"folders": "INBOX\nNowhere"}, "no folder “Nowhere”.*INBOX", ""),
        ("wrong name", {"imap_host": "imap.invalid"}, "no host named “imap.invalid”", ""),
        ("untrusted", {"authority": ""}, "certificate.*not trusted.*authority", "certificate.*not trusted"),
        ("no certificate", {"authority": "hello"}, "PEM", "PEM"),
        ("closed port", {"imap_port": 9, "smtp_port": 9}, "refuses connections on port 9", "refuses connections"),
        ("no server", {"imap_host": "", "smtp_host": ""}, "IMAP server, to receive", ""),
        ("impossible port", {"imap_port": "many"}, "port", ""),
    ],
)
def test_wrong_settings_are_explained(
    mail: MailServers, case: str, options: dict[str, object], imap: str, smtp: str
) -> None:
    config = account_config(connect(mail, plus_addressing=False, **options))
    errors = [error for _step, error in trying.test(config)]
    wanted = [imap, smtp] if len(errors) > 1 else [imap]
    for error, pattern in zip(errors, wanted, strict=True):
        assert (not pattern and not error) or (pattern and re.search(pattern, error)), (case, error)


def test_a_wrong_password_is_explained_and_not_repeated(mail: MailServers) -> None:
    account = connect(mail, password="wrong-secret-word")
    errors = [error for _step, error in trying.test(account_config(account))]
    assert all("refuses this user name and password" in error for error in errors)
    assert "535" in errors[1]
    with watching(account):
        until(lambda: AccountHealth.objects.get(account=account).last_error_at is not None)
        time.sleep(1.5)
    health = AccountHealth.objects.get(account=account)
    assert "refuses this user name and password" in health.last_error
    assert "wrong-secret-word" not in "".join([*errors, health.last_error])


@pytest.mark.parametrize(
    ("imap", "imap_security", "smtp", "smtp_security", "expected"),
    [
        ("imap", "none", "submission", "none", ["", ""]),
        ("imap", "starttls", "submission", "starttls", ["", ""]),
        ("imap", "tls", "submission", "tls", ["does not speak TLS", "does not speak TLS"]),
    ],
)
def test_every_security_works_or_is_explained(
    mail: MailServers, imap: str, imap_security: str, smtp: str, smtp_security: str, expected: list[str]
) -> None:
    account = connect(
        mail, imap_port=getattr(mail, imap), imap_security=imap_security, smtp_port=getattr(mail, smtp),
        smtp_security=smtp_security, plus_addressing=False,
    )  # fmt: skip
    errors = [error for _step, error in trying.test(account_config(account))]
    assert all((text in error) if text else not error for text, error in zip(expected, errors, strict=True)), errors


def test_a_mail_without_a_message_id_is_looked_up_without_harm(mail: MailServers, account: ChannelAccount) -> None:
    with open_session(mailbox_of(account_config(account))) as session:
        assert not session.find('x" OR ALL "', "INBOX")
        assert session.can_idle
        assert session.sent_folder() == "Sent"
