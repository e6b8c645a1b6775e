"""The right thread: by the ids of the mails, then by the signed token; never by a subject or a number."""

from email.message import EmailMessage

import pytest

from comptoir import pipeline
from comptoir.accounts.services import actor_of
from comptoir.channels.models import ChannelAccount
from comptoir.conversations.models import Conversation, Message
from comptoir.core.crypto import derive_key, sign_number
from comptoir.inbound import log
from comptoir.inbound.services import Arrival, receive
from comptoir.outbound.models import Delivery
from comptoir.outbound.services import Draft, queue_reply
from comptoir.testing.builders import make_account, make_team, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> ChannelAccount:
    return make_account(make_team(), kind="email", address="support@shop.example")


def mail(number: int, *, sender: str = "ada@client.example", text: str = "Bonjour", **headers: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = f"Ada <{sender}>"
    message["To"] = headers.pop("to", "support@shop.example")
    message["Subject"] = headers.pop("subject", "Panne")
    message["Message-ID"] = f"<m{number}@client.example>"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message


def arrive(account: ChannelAccount, *mails: EmailMessage) -> None:
    receive([Arrival(account.pk, str(m["Message-ID"]), m.as_bytes(), "", "imap", "message/rfc822") for m in mails])
    for shard in log.busy_shards():
        while pipeline.digest_shards([shard], limit=100):
            pass


def home_of(number: int) -> int:
    return Message.objects.get(message_id=f"m{number}@client.example").conversation_id


def reason_of(number: int) -> str:
    return str(Message.objects.get(message_id=f"m{number}@client.example").placement["reason"])


@pytest.mark.parametrize(
    ("label", "headers", "reason"),
    [
        ("the answer names its parent", {"In_Reply_To": "<m1@client.example>"}, "in-reply-to"),
        ("only the chain names it", {"References": "<x@y> <m1@client.example> <z@y>"}, "references"),
        ("the nearest known one counts", {"References": "<m1@client.example> <unknown@y>"}, "references"),
        ("folded over lines", {"References": "<x@y>\n <m1@client.example>"}, "references"),
    ],
)
def test_an_answer_joins_its_parent(account: ChannelAccount, label: str, headers: dict[str, str], reason: str) -> None:
    if "\n" in headers.get("References", ""):
        headers = {"References": headers["References"].replace("\n", "")}
    arrive(account, mail(1))
    arrive(account, mail(2, **headers))
    assert home_of(2) == home_of(1)
    assert reason_of(2) == reason


def test_the_place_is_found_within_one_batch_as_well(account: ChannelAccount) -> None:
    arrive(
        account,
        mail(1),
        mail(2, In_Reply_To="<m1@client.example>"),
        mail(3),
        mail(4, In_Reply_To="<m2@client.example>"),
    )
    assert home_of(1) == home_of(2) == home_of(4)
    assert home_of(3) != home_of(1)


def test_a_parent_that_was_overtaken_by_its_answer_finds_it(account: ChannelAccount) -> None:
    arrive(account, mail(2, In_Reply_To="<m1@client.example>"))
    arrive(account, mail(1))
    assert home_of(1) == home_of(2)
    assert reason_of(1) == "overtaken"


def test_two_answers_to_a_mail_that_never_came_meet(account: ChannelAccount) -> None:
    arrive(account, mail(2, In_Reply_To="<lost@client.example>"), mail(3, References="<lost@client.example>"))
    assert home_of(2) == home_of(3)


@pytest.mark.parametrize("subject", ["Re: Panne", "Panne", "Re: [#{id}] Panne", "Ticket {id}", "Conversation n° {id}"])
def test_a_subject_or_a_number_opens_no_door_to_a_stranger(account: ChannelAccount, subject: str) -> None:
    arrive(account, mail(1))
    named = subject.format(id=home_of(1))
    arrive(
        account, mail(2, sender="mallory@evil.example", subject=named, text=f"> #{home_of(1)}\nsupport+{home_of(1)}")
    )
    assert home_of(2) != home_of(1)
    assert reason_of(2) == "new"


def test_our_signed_address_leads_home_when_the_headers_are_lost(account: ChannelAccount) -> None:
    arrive(account, mail(1))
    token = sign_number(home_of(1), key=derive_key("reply-token"))
    arrive(account, mail(2, to=f"SUPPORT+C_{token.upper()}@shop.example"))
    assert home_of(2) == home_of(1)
    assert reason_of(2) == "token"


@pytest.mark.parametrize("forged", ["aaaaaaaaaaaaaaaaaaaaaaa", "1", "", "../../etc"])
def test_a_forged_token_opens_a_new_conversation(account: ChannelAccount, forged: str) -> None:
    arrive(account, mail(1))
    arrive(account, mail(2, to=f"support+c_{forged}@shop.example", sender="mallory@evil.example"))
    assert home_of(2) != home_of(1)


def test_a_newcomer_in_a_thread_is_pointed_out(account: ChannelAccount) -> None:
    arrive(account, mail(1))
    arrive(account, mail(2, sender="colleague@client.example", In_Reply_To="<m1@client.example>"))
    message = Message.objects.get(message_id="m2@client.example")
    assert message.placement["new_participant"]
    assert message.conversation.contact.name == "Ada"


def test_the_answer_to_our_answer_comes_home_and_proves_its_arrival(account: ChannelAccount) -> None:
    arrive(account, mail(1))
    user = make_user(account.team)
    account.options = {"smtp_host": "127.0.0.1"}
    account.save()
    conversation = Conversation.objects.get()
    delivery = queue_reply(actor=actor_of(user), user=user, conversation=conversation, draft=Draft("C’est réparé."))
    Delivery.objects.update(state="unconfirmed")
    arrive(account, mail(2, In_Reply_To=f"<{delivery.key}>"))
    delivery.refresh_from_db()
    assert home_of(2) == conversation.pk
    assert delivery.state == "delivered"


def test_two_mailboxes_keep_their_threads_apart(account: ChannelAccount) -> None:
    other = make_account(make_team(), kind="email", address="sales@shop.example")
    arrive(account, mail(1))
    arrive(other, mail(2, In_Reply_To="<m1@client.example>"))
    assert home_of(2) != home_of(1)


def test_an_automatic_mail_neither_waits_nor_reopens(account: ChannelAccount) -> None:
    arrive(account, mail(1))
    Conversation.objects.update(state="solved", waiting_since=None)
    arrive(account, mail(2, In_Reply_To="<m1@client.example>", Auto_Submitted="auto-replied"))
    conversation = Conversation.objects.get()
    assert (conversation.state, conversation.waiting_since, conversation.message_count) == ("solved", None, 2)
    assert Message.objects.get(message_id="m2@client.example").automatic
