"""Delivering replies: by chat to who is there, by e-mail to who has left, once on either road (INV-03)."""

from datetime import timedelta

import pytest

from comptoir.channels.models import ChannelAccount
from comptoir.channels.services import account_config
from comptoir.channels.webchat import client, services
from comptoir.channels.webchat.models import ChatEntry, ChatSession
from comptoir.conversations.models import Reference
from comptoir.conversations.threading import digest_of
from comptoir.core import clock
from comptoir.core.errors import ChannelError, DoubtfulDelivery
from comptoir.core.types import Author, Delivered, Outbound, Receipt
from comptoir.testing.builders import make_account, make_conversation, make_team

from .conftest import Post

pytestmark = pytest.mark.django_db


def visitor(account: ChannelAccount, *, gone: bool = False, email: str = "ada@example.net") -> ChatSession:
    now = clock.now()
    session = services.start_session(account=account, language="fr", at=now)
    ChatSession.objects.filter(pk=session.pk).update(
        email=email, name="Ada", seen_at=now - timedelta(minutes=5) if gone else now
    )
    session.refresh_from_db()
    return session


def reply(session: ChatSession, *, key: str = "1.a@example.org") -> Outbound:
    to = (Author("webchat", session.key),)
    return Outbound(key, "Voilà.", to, thread_key=session.key, subject="Re:", from_name="Camille", in_reply_to="x")


def deliver(session: ChatSession, account: ChannelAccount, handed: list[str] | None = None) -> Receipt:
    return client.send(
        reply(session), account_config(account), lambda: handed.append("x") if handed is not None else None
    )


def test_who_is_there_gets_it_in_the_chat(account: ChannelAccount, post: Post) -> None:
    session, handed = visitor(account), list[str]()
    receipt = deliver(session, account, handed)
    assert (receipt.state, handed, post.mails) == (Delivered.SENT, ["x"], [])
    entry = ChatEntry.objects.get()
    assert (entry.text, entry.author_name, entry.number) == ("Voilà.", "Camille", 1)


def test_sending_twice_delivers_once(account: ChannelAccount, post: Post) -> None:
    session = visitor(account)
    assert deliver(session, account) == deliver(session, account)
    assert ChatEntry.objects.count() == 1


def test_who_has_left_gets_it_by_mail_and_finds_it_in_the_chat(account: ChannelAccount, post: Post) -> None:
    session, handed = visitor(account, gone=True), list[str]()
    assert deliver(session, account, handed).state is Delivered.SENT
    (mail,) = post.mails
    assert mail["To"] == "Ada <ada@example.net>" and mail["In-Reply-To"] is None
    assert (mail["Message-ID"], mail["Subject"]) == ("<1.a@example.org>", "Notre réponse à votre message")
    assert handed == ["x"] and ChatEntry.objects.get().emailed_at is not None
    assert client.send_unfetched(account.pk) == 0  # no second mail by the watcher


@pytest.mark.parametrize("missing", ["address", "mailbox"])
def test_without_address_or_mailbox_it_waits_in_the_chat(account: ChannelAccount, post: Post, missing: str) -> None:
    if missing == "mailbox":
        account.options = {}
        account.save()
    session = visitor(account, gone=True, email="" if missing == "address" else "ada@example.net")
    assert deliver(session, account).state is Delivered.SENT
    assert post.mails == [] and ChatEntry.objects.get().emailed_at is None


def test_a_mailbox_that_refuses_leaves_the_reply_retryable(account: ChannelAccount, post: Post) -> None:
    session, handed = visitor(account, gone=True), list[str]()
    post.mood = "busy"
    with pytest.raises(ChannelError):
        deliver(session, account, handed)
    assert handed == [] and ChatEntry.objects.get().emailed_at is None
    post.mood = "well"
    assert deliver(session, account).state is Delivered.SENT
    assert len(post.mails) == 1 and ChatEntry.objects.count() == 1


def test_a_doubtful_mail_stays_doubtful(account: ChannelAccount, post: Post) -> None:
    session = visitor(account, gone=True)
    post.mood = "silent"
    with pytest.raises(DoubtfulDelivery):
        deliver(session, account)
    assert client.reconcile(reply(session), account_config(account)) is None
    assert client.send_unfetched(account.pk) == 0  # a doubt is never resolved by sending again


def test_what_nobody_fetched_follows_by_mail(account: ChannelAccount, post: Post) -> None:
    """They were there when it was sent, and closed the page before it arrived."""
    session = visitor(account)
    conversation = make_conversation(account, thread_key=session.key)
    deliver(session, account)
    assert client.send_unfetched(account.pk) == 0  # they may still be there
    ChatEntry.objects.update(at=clock.now() - timedelta(minutes=3))
    assert client.send_unfetched(account.pk) == 1
    assert client.send_unfetched(account.pk) == 0
    (mail,) = post.mails
    body = mail.get_body(("plain",))
    assert body is not None and body.get_content().strip() == "Voilà." and "ada@example.net" in mail["To"]
    known = Reference.objects.get(digest=digest_of("1.a@example.org"))
    assert (known.account_id, known.conversation_id) == (account.options["reply_account"], conversation.pk)


def test_what_was_seen_is_not_mailed(account: ChannelAccount, post: Post) -> None:
    session = visitor(account)
    deliver(session, account)
    ChatEntry.objects.update(at=clock.now() - timedelta(minutes=3))
    session.refresh_from_db()
    services.note_seen(session=session, shown=1, at=clock.now())
    assert client.send_unfetched(account.pk) == 0 and post.mails == []
    found = client.reconcile(reply(session), account_config(account))
    assert found is not None and found.state is Delivered.DELIVERED


def test_a_chat_that_is_gone_fails_for_good(account: ChannelAccount, post: Post) -> None:
    session = visitor(account)
    ChatSession.objects.all().delete()
    with pytest.raises(ChannelError) as refused:
        deliver(session, account)
    assert refused.value.permanent


def test_another_accounts_session_is_not_reached(account: ChannelAccount, post: Post) -> None:
    session = visitor(account)
    other = make_account(make_team(), kind="webchat")
    with pytest.raises(ChannelError):
        deliver(session, other)
    assert ChatEntry.objects.count() == 0
