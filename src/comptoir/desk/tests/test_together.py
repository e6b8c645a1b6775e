"""The screens of working side by side: notifications, preferences, following, reminders, typing."""

from datetime import time, timedelta

import pytest

from comptoir.core import clock
from comptoir.desk.tests.conftest import Cast
from comptoir.notifications import queries
from comptoir.notifications.models import Notification
from comptoir.notifications.rules import Hours
from comptoir.reminders.models import Outcome, Reminder
from comptoir.testing import builders
from comptoir.viewing.models import Presence

HTMX = {"HTTP_HX_REQUEST": "true"}
TAB = "0123456789abcdef"


def test_the_list_groups_by_conversation_and_leads_to_the_message(cast: Cast) -> None:
    other = builders.make_conversation(cast.account, subject="The <parcel>")
    builders.make_notification(cast.agent, other, kind="assigned", actor_name="Tom Okafor")
    row = builders.make_notification(cast.agent, cast.conversation, message_id=cast.message.pk)
    builders.make_notification(cast.agent, cast.conversation, kind="mention", actor_name="Tom Okafor")
    client = cast.client()
    page = client.get("/me/notifications/").content.decode()
    assert page.count("news-group") == 2
    assert "The &lt;parcel&gt;" in page
    assert "Tom Okafor mentioned you in a note" in page
    assert "Hello, my line has been dead since this morning." in page
    answer = client.get(f"/notifications/{row.pk}/")
    assert answer.headers["Location"] == f"/conversations/{cast.conversation.pk}/#m{cast.message.pk}"
    row.refresh_from_db()
    assert row.read_at is not None
    assert row.seen_at is not None


def test_the_empty_list_teaches(cast: Cast) -> None:
    assert "mentions you with @" in cast.client().get("/me/notifications/").content.decode()


@pytest.mark.parametrize(("label", "data", "left"), [("all", {}, 0), ("of one conversation", {"conversation": 0}, 1)])
def test_marking_as_read(cast: Cast, label: str, data: dict[str, int], left: int) -> None:
    for place in (cast.conversation, builders.make_conversation(cast.account)):
        builders.make_notification(cast.agent, place)
    data = dict.fromkeys(data, cast.conversation.pk)
    cast.client().post("/me/notifications/reading/", data)
    assert queries.unread_of(cast.agent)["unread"] == left, label


def test_what_is_fresh_comes_as_toasts_and_by_the_browser_where_it_is_wanted(cast: Cast) -> None:
    old = builders.make_notification(cast.agent, cast.conversation)
    builders.make_notification(cast.agent, cast.conversation, kind="new")
    builders.make_notification(cast.agent, cast.conversation, kind="mention", actor_name="Tom")
    page = cast.client().get(f"/me/notifications/fresh/?after={old.pk}").content.decode()
    assert page.count("data-toast") == 2
    assert page.count("data-browser") == 1  # 'new' is off by default
    assert Notification.objects.filter(seen_at__isnull=False).count() == 2


def _choose(cast: Cast, **data: str) -> int:
    values = {"digest": "daily", "digest_hour": "7", "quiet_from": "", "quiet_until": "", **data}
    return int(cast.client().post("/me/notifications/preferences/", values).status_code)


def test_choosing_how_to_hear_of_things(cast: Cast) -> None:
    data = {"mention-page": "on", "mention-browser": "on", "mention-mail": "digest", "reply-browser": "on"}
    assert _choose(cast, quiet_from="19:00", quiet_until="08:00", **data) == 302
    ways, hours = queries.ways_of([cast.agent.pk])[cast.agent.pk], queries.hours_of([cast.agent.pk])[cast.agent.pk]
    assert ways["mention"] == queries.Way(True, True, "digest")
    assert ways["reply"] == queries.Way(False, False, "")  # no browser notification without the page
    assert hours == Hours("daily", 7, time(19), time(8))
    page = cast.client().get("/me/notifications/preferences/").content.decode()
    assert 'value="19:00"' in page


@pytest.mark.parametrize(
    ("label", "data", "words"),
    [
        ("one end", {"quiet_from": "19:00"}, "Give both ends"),
        ("no hour", {"digest_hour": "24"}, "Select a valid choice"),
        ("no way", {"mention-mail": "pigeon"}, ""),
    ],
)
def test_choices_that_make_no_sense_change_nothing(cast: Cast, label: str, data: dict[str, str], words: str) -> None:
    before = queries.ways_of([cast.agent.pk])
    values = {"digest": "daily", "digest_hour": "7", **data}
    response = cast.client().post("/me/notifications/preferences/", values)
    assert response.status_code == 422, label
    assert words in response.content.decode()
    assert queries.ways_of([cast.agent.pk]) == before


def test_following_and_no_longer(cast: Cast) -> None:
    path = f"/conversations/{cast.conversation.pk}/following/"
    assert "You follow this conversation" in cast.client().post(path, {"follow": "1"}, **HTMX).content.decode()
    assert queries.is_following(cast.agent, cast.conversation)
    cast.client().post(path, {"follow": "0"})
    assert not queries.is_following(cast.agent, cast.conversation)


@pytest.mark.parametrize(
    ("label", "data", "unless_said"),
    [
        ("tomorrow", {"when": "tomorrow"}, False),
        ("if nobody has written", {"when": "quiet"}, True),
        ("at a time", {"at": "2029-01-05T09:30"}, False),
        ("at a time, if nobody has written", {"at": "2029-01-05T09:30", "unless_said": "1"}, True),
    ],
)
def test_setting_a_reminder(cast: Cast, label: str, data: dict[str, str], unless_said: bool) -> None:
    path = f"/conversations/{cast.conversation.pk}/reminders/"
    said = cast.client().post(path, {"words": "Call <him>", **data}, **HTMX).content.decode()
    assert "Call &lt;him&gt;" in said, label
    reminder = Reminder.objects.get()
    assert (reminder.unless_said, reminder.user) == (unless_said, cast.agent)
    assert "Call &lt;him&gt;" in cast.client().get("/me/reminders/").content.decode()
    assert "Call" not in cast.client(cast.colleague).get(path).content.decode()
    cast.client().post(f"/reminders/{reminder.pk}/cancellation/")
    reminder.refresh_from_db()
    assert reminder.outcome == Outcome.CANCELLED


@pytest.mark.parametrize(
    ("label", "data"), [("no time", {}), ("the past", {"at": "2001-01-01T00:00"}), ("no date", {"at": "soon"})]
)
def test_a_reminder_without_a_time_is_refused_in_words(cast: Cast, label: str, data: dict[str, str]) -> None:
    path = f"/conversations/{cast.conversation.pk}/reminders/"
    assert cast.client().post(path, data, **HTMX).status_code == 422, label
    assert not Reminder.objects.exists()


def test_a_colleagues_reminder_is_not_mine_to_cancel(cast: Cast) -> None:
    reminder = builders.make_reminder(cast.agent, cast.conversation)
    assert cast.client(cast.colleague).post(f"/reminders/{reminder.pk}/cancellation/").status_code == 404
    assert Reminder.objects.get().outcome == ""


def test_typing_is_told_for_a_moment(cast: Cast) -> None:
    path = f"/conversations/{cast.conversation.pk}/presence/"
    assert cast.client().post(path, {"tab": TAB, "typing": "1"}).status_code == 204
    until = Presence.objects.get(user=cast.agent).typing_until
    assert until is not None
    assert until < clock.now() + timedelta(seconds=10)
    cast.client().post(path, {"tab": TAB, "typing": "0"})
    assert Presence.objects.get().typing_until is None
    assert cast.client().post(path, {"tab": "<x>", "typing": "1"}, **HTMX).status_code == 422


def test_a_conversation_and_the_queue_ask_no_more_of_the_database_than_before(cast: Cast) -> None:
    """What is new here comes by the stream, or when it is opened."""
    page = cast.client().get(f"/conversations/{cast.conversation.pk}/").content.decode()
    assert "data-unread" in page
    assert "remind-words" not in page
