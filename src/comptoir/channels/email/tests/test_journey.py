"""The whole way against real servers: a customer's mail, the agent's answer, the customer's next mail, a bounce."""

import email
import email.policy
from collections.abc import Iterator
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest

from comptoir import worker
from comptoir.accounts.services import actor_of
from comptoir.channels.email.client_imap import open_session
from comptoir.channels.email.config import mailbox_of
from comptoir.channels.email.watching import read_folder
from comptoir.channels.models import ChannelAccount
from comptoir.channels.services import account_config
from comptoir.conversations.models import Conversation, Message
from comptoir.core import clock, crypto
from comptoir.inbound.models import Record, RecordState
from comptoir.outbound.models import Delivery, DeliveryState
from comptoir.outbound.services import Draft, queue_reply
from comptoir.testing.builders import make_account, make_team, make_user
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
    options = {
        "imap_host": "127.0.0.1", "imap_port": mail.imap, "imap_security": "none", "smtp_host": "127.0.0.1",
        "smtp_port": mail.smtp, "smtp_security": "none", "plus_addressing": True,
    }  # fmt: skip
    secrets = crypto.encrypt_mapping({"password": PASSWORDS[SUPPORT]})
    return make_account(
        make_team(), address=SUPPORT, name="Acme", signature="Acme", options=options, credentials=secrets
    )


def take_in(account: ChannelAccount) -> None:
    mailbox = mailbox_of(account_config(account))
    with open_session(mailbox) as session:
        read_folder(session, mailbox, session.open("INBOX"), lambda: False)
    worker.digest_all()


def answer(conversation: Conversation, text: str, **changes: object) -> Delivery:
    user = make_user(conversation.team)
    draft = Draft(text=text, **changes)
    delivery = queue_reply(actor=actor_of(user), user=user, conversation=conversation, draft=draft)
    Delivery.objects.filter(pk=delivery.pk).update(due_at=clock.now() - timedelta(seconds=1))
    worker.send_all()
    delivery.refresh_from_db()
    return delivery


def written(text: str, **fields: str) -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = f"Ada Martin <{ADA}>", SUPPORT, "Panne de ligne"
    for name, value in fields.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail.as_bytes()


def test_a_conversation_goes_back_and_forth(mail: MailServers, account: ChannelAccount) -> None:
    mail.deliver(written("Ma ligne est coupée.", Message_ID="<q1@customer.test>"))
    mail.mails(SUPPORT)
    take_in(account)
    conversation = Conversation.objects.get()
    assert (conversation.contact.name, conversation.subject) == ("Ada Martin", "Panne de ligne")

    delivery = answer(conversation, "Elle est rétablie.")
    assert (delivery.state, delivery.attempts) == (DeliveryState.SENT, 1), delivery.reason
    [raw] = mail.mails(ADA)
    reply = email.message_from_bytes(raw, policy=email.policy.default)
    assert reply["In-Reply-To"] == "<q1@customer.test>"
    assert reply["Subject"] == "Re: Panne de ligne"
    assert reply["Message-ID"] == f"<{delivery.key}>"

    # A mail program that drops the references: the code in our address finds the conversation.
    mail.deliver(
        written("Merci !", Message_ID="<q2@customer.test>"), to=[str(reply["Reply-To"].addresses[0].addr_spec)]
    )
    # And one that keeps them.
    mail.deliver(written("Encore merci.", Message_ID="<q3@customer.test>", In_Reply_To=reply["Message-ID"]))
    mail.mails(SUPPORT, count=3)
    take_in(account)
    assert Conversation.objects.count() == 1
    placed = dict(Message.objects.filter(kind="in").values_list("message_id", "placement__reason"))
    assert placed == {"q1@customer.test": "new", "q2@customer.test": "token", "q3@customer.test": "in-reply-to"}
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.DELIVERED  # nobody answers what never arrived


def test_a_bounce_fails_the_delivery_and_shows_why(mail: MailServers, account: ChannelAccount) -> None:
    mail.deliver(written("Bonjour", Message_ID="<q1@customer.test>", Reply_To="ada@gone.test"))
    mail.mails(SUPPORT)
    take_in(account)
    delivery = answer(Conversation.objects.get(), "Bonjour Ada.")
    assert delivery.state == DeliveryState.SENT
    mail.mails(SUPPORT, count=2)
    take_in(account)
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.FAILED
    assert "ada@gone.test: 550 5.1.1 User unknown" in delivery.reason
    assert Conversation.objects.count() == 1
    assert Message.objects.get(automatic="bounce").conversation_id == delivery.message.conversation_id


def test_a_report_that_a_mail_is_late_is_no_proof_that_it_arrived(mail: MailServers, account: ChannelAccount) -> None:
    mail.deliver(written("Bonjour", Message_ID="<q1@customer.test>"))
    mail.mails(SUPPORT)
    take_in(account)
    delivery = answer(Conversation.objects.get(), "Bonjour Ada.")
    captured = Path(__file__).parent.parent / "fixtures" / "bounce-opensmtpd-captured.eml"
    late = captured.read_bytes().replace(b"7.0f6c2a@brand.test", delivery.key.encode())
    mail.append([late.replace(b"Action: failed", b"Action: delayed").replace(b"Status: 5.3.0", b"Status: 4.4.1")])
    take_in(account)
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.SENT
    assert Message.objects.get(automatic="bounce").conversation_id == delivery.message.conversation_id


def test_a_copy_to_ourselves_is_ignored_with_its_reason(mail: MailServers, account: ChannelAccount) -> None:
    mail.deliver(written("Bonjour", Message_ID="<q1@customer.test>"))
    mail.mails(SUPPORT)
    take_in(account)
    answer(Conversation.objects.get(), "Bonjour Ada.", cc=[("Acme", SUPPORT)])
    mail.mails(SUPPORT, count=2)
    take_in(account)
    assert Message.objects.filter(kind="in").count() == 1
    assert "came back" in Record.objects.get(state=RecordState.IGNORED).reason


def test_an_answer_waits_while_the_server_is_away_and_leaves_once(mail: MailServers, account: ChannelAccount) -> None:
    mail.deliver(written("Bonjour", Message_ID="<q1@customer.test>"))
    mail.mails(SUPPORT)
    take_in(account)
    mail.stop_smtp()
    try:
        delivery = answer(Conversation.objects.get(), "Bonjour Ada.")
        assert delivery.state == DeliveryState.QUEUED
        assert "refuses connections" in delivery.reason
    finally:
        mail.start_smtp()
    Delivery.objects.update(due_at=clock.now() - timedelta(seconds=1))
    worker.send_all()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == (DeliveryState.SENT, 2)
    assert len(mail.mails(ADA)) == 1
