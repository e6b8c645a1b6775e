"""From the widget's request through the pipeline to the desk and back: one visitor, one conversation, on both roads."""

from datetime import timedelta
from typing import Any

import pytest

from comptoir import pipeline
from comptoir.accounts.services import actor_of
from comptoir.channels.models import ChannelAccount
from comptoir.channels.webchat import services
from comptoir.channels.webchat.models import ChatEntry, ChatSession
from comptoir.channels.webchat.services import Typed
from comptoir.contacts.models import Contact, Identity
from comptoir.conversations.models import Conversation, Message
from comptoir.core import clock
from comptoir.inbound import log
from comptoir.inbound.models import Record, RecordState
from comptoir.inbound.services import Arrival, receive
from comptoir.outbound import sender
from comptoir.outbound.models import Delivery
from comptoir.outbound.services import Draft, queue_reply
from comptoir.testing.builders import make_account, make_contact, make_team, make_user

from .conftest import Post

pytestmark = pytest.mark.django_db


def digest() -> None:
    while pipeline.digest_shards(log.busy_shards(), limit=100):
        pass
    assert not Record.objects.filter(state=RecordState.FAILED).exists()


def write(session: ChatSession, text: str, number: int = 1) -> None:
    services.accept_messages(session=session, typed=[Typed(f"message-{number}", text)], at=clock.now())


def answer(conversation: Conversation, text: str) -> Delivery:
    user = make_user(conversation.team)
    delivery = queue_reply(actor=actor_of(user), user=user, conversation=conversation, draft=Draft(text))
    Delivery.objects.update(due_at=clock.now() - timedelta(seconds=1))
    assert sender.send_one()
    delivery.refresh_from_db()
    return delivery


@pytest.fixture
def session(account: ChannelAccount) -> ChatSession:
    return services.start_session(account=account, language="en", at=clock.now())


def test_there_and_back_in_the_chat(session: ChatSession) -> None:
    write(session, "Is my line down?")
    write(session, "It has been an hour.", 2)
    digest()
    conversation = Conversation.objects.get()
    assert (conversation.thread_key, conversation.message_count) == (session.key, 2)
    delivery = answer(conversation, "Until noon.")
    assert delivery.state == "sent"
    session.refresh_from_db()
    services.note_seen(session=session, shown=3, at=clock.now())
    digest()
    delivery.refresh_from_db()
    assert delivery.state == "delivered"


def test_who_left_answers_by_mail_in_the_same_conversation(
    session: ChatSession,
    post: Post,
) -> None:
    write(session, "Is my line down?")
    services.note_contact(session=session, name="Ada", email="ada@example.net", at=clock.now())
    ChatSession.objects.update(seen_at=clock.now() - timedelta(minutes=5))
    digest()
    conversation = Conversation.objects.get()
    assert answer(conversation, "Until noon.").state == "sent"
    (mail,) = post.mails
    raw = (
        "From: Ada <ada@example.net>\r\nTo: service@example.org\r\nMessage-ID: <reply@example.net>\r\n"
        f"Subject: Re: x\r\nIn-Reply-To: {mail['Message-ID']}\r\n\r\nThank you!\r\n"
    )
    mailbox = ChannelAccount.objects.get(kind="email")
    receive([Arrival(mailbox.pk, "mail-1", raw.encode(), source="imap", content_type="message/rfc822")])
    digest()
    received = Message.objects.get(text__contains="Thank you!")
    assert received.conversation_id == conversation.pk and received.placement["reason"] == "in-reply-to"
    assert "Thank you!" not in ChatEntry.objects.values_list("text", flat=True)


def test_a_typed_address_joins_nobody(session: ChatSession) -> None:
    """A visitor who types a customer's address stays a contact of their own."""
    ada: Any = make_contact("Ada Martin", address="ada@example.net")
    write(session, "Send me my last bill.")
    services.note_contact(session=session, name="", email="ada@example.net", at=clock.now())
    digest()
    visitor = Identity.objects.get(kind="webchat", address=session.key).contact
    assert visitor != ada and visitor.merged_into is None
    assert Conversation.objects.get().contact == visitor
    assert Identity.objects.get(kind="email", address="ada@example.net").contact == ada
    assert not visitor.identities.filter(kind="email", is_verified=True).exists()


def test_a_visitor_without_a_name_has_a_short_one(session: ChatSession) -> None:
    write(session, "Hello?")
    digest()
    assert Contact.objects.get().name == f"Visitor {session.key[:4].upper()}"


def test_two_accounts_do_not_meet() -> None:
    accounts = [make_account(make_team(), kind="webchat") for _ in range(2)]
    for each in accounts:
        write(services.start_session(account=each, language="en", at=clock.now()), "Hello")
    digest()
    assert {c.account_id for c in Conversation.objects.all()} == {a.pk for a in accounts}
