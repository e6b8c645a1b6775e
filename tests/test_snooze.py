"""The three kinds of snooze, from the menu to the customer's message and the keeper."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from comptoir.channels.models import ChannelAccount
from comptoir.conversations.models import Conversation, State
from comptoir.conversations.rules import state_after_inbound
from comptoir.conversations.services import set_state, wake_snoozed
from comptoir.core import clock
from comptoir.journal.models import Event
from comptoir.journal.services import SYSTEM
from comptoir.testing.builders import make_account, make_team
from tests.test_pipeline import arrive, digest, event


@pytest.mark.parametrize(
    ("label", "state", "automatic", "wakes", "after"),
    [
        ("open stays open", "open", False, True, "open"),
        ("solved opens", "solved", False, True, "open"),
        ("until a time or an answer", "snoozed", False, True, "open"),
        ("until a time alone", "snoozed", False, False, "snoozed"),
        ("a machine wakes nothing", "snoozed", True, True, "snoozed"),
        ("of an older snooze nothing is left", "pending", False, False, "open"),
    ],
)
def test_the_state_after_a_message(label: str, state: str, automatic: bool, wakes: bool, after: str) -> None:
    assert state_after_inbound(state, automatic=automatic, wakes_on_reply=wakes) == after, label


@pytest.fixture
def account(db: None) -> ChannelAccount:
    return make_account(make_team(), kind="sandbox")


@pytest.fixture
def asleep(account: ChannelAccount) -> Conversation:
    arrive(account, event(1))
    digest()
    return Conversation.objects.get()


def snooze(row: Conversation, *, hours: int | None, wakes_on_reply: bool = True) -> None:
    until = clock.now() + timedelta(hours=hours) if hours else None
    set_state(actor=SYSTEM, conversation=row, state=State.SNOOZED, snoozed_until=until, wakes_on_reply=wakes_on_reply)


@pytest.mark.parametrize(
    ("label", "hours", "wakes_on_reply", "after_message", "after_time"),
    [
        ("until a time", 3, False, "snoozed", "open"),
        ("until an answer", None, True, "open", "open"),
        ("until either", 3, True, "open", "open"),
    ],
)
def test_what_wakes_a_conversation(
    account: ChannelAccount,
    asleep: Conversation,
    label: str,
    hours: int | None,
    wakes_on_reply: bool,
    after_message: str,
    after_time: str,
) -> None:
    snooze(asleep, hours=hours, wakes_on_reply=wakes_on_reply)
    arrive(account, event(2, text="Toujours rien"))
    digest()
    asleep.refresh_from_db()
    assert asleep.state == after_message, label
    assert asleep.waiting_since is not None  # the message waits for an answer, and shows as unread, asleep or not
    assert asleep.preview == "Toujours rien"
    wake_snoozed(at=clock.now() + timedelta(hours=4))
    asleep.refresh_from_db()
    assert (asleep.state, asleep.snoozed_until) == (after_time, None), label


def test_only_an_answer_ends_a_snooze_without_an_instant(asleep: Conversation) -> None:
    snooze(asleep, hours=None)
    assert wake_snoozed(at=clock.now() + timedelta(days=3000)) == 0
    asleep.refresh_from_db()
    assert asleep.state == State.SNOOZED


def test_the_journal_says_what_ends_it(asleep: Conversation) -> None:
    snooze(asleep, hours=3, wakes_on_reply=False)
    facts = Event.objects.filter(kind="conversation.state_changed").latest("id").facts
    assert facts["wakes_on_reply"] is False
    assert facts["until"]


def test_from_until_either_to_until_the_time_is_a_change(asleep: Conversation) -> None:
    until = clock.now() + timedelta(hours=3)
    for wakes in (True, False, False):
        set_state(actor=SYSTEM, conversation=asleep, state=State.SNOOZED, snoozed_until=until, wakes_on_reply=wakes)
    assert Event.objects.filter(kind="conversation.state_changed").count() == 2


def test_the_database_refuses_a_snooze_that_nothing_ends(asleep: Conversation) -> None:
    changed = Conversation.objects.filter(pk=asleep.pk)
    with pytest.raises(IntegrityError), transaction.atomic():
        changed.update(state=State.SNOOZED, snoozed_until=None, wakes_on_reply=False)
