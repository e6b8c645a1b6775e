"""The conversation's page, what a person does to it, and what they write into it."""

import re
from datetime import timedelta

import pytest

from comptoir.conversations.models import Conversation, Placement, ReadMark, State
from comptoir.core import clock
from comptoir.desk.tests.conftest import Cast
from comptoir.journal.models import Event
from comptoir.outbound.models import Delivery, DeliveryState
from comptoir.testing import builders

HTMX = {"HTTP_HX_REQUEST": "true"}


def _post(cast: Cast, tail: str, **data: str) -> int:
    return int(cast.client().post(f"/conversations/{cast.conversation.pk}/{tail}/", data).status_code)


def _fresh(cast: Cast) -> Conversation:
    return Conversation.objects.get(pk=cast.conversation.pk)


def test_the_page_shows_what_was_said_and_who_said_it(cast: Cast) -> None:
    builders.make_message(cast.conversation, kind="note", user=cast.colleague, text="Ask the depot <first>")
    page = cast.client().get(f"/conversations/{cast.conversation.pk}/").content.decode()
    assert "Hello, my line has been dead since this morning." in page
    assert "Ask the depot &lt;first&gt;" in page
    assert "Ada Martin" in page
    assert "Why is this message here?" in page


def test_reading_it_is_remembered_for_the_reader_alone(cast: Cast) -> None:
    cast.client().get(f"/conversations/{cast.conversation.pk}/")
    assert "is-unread" not in cast.client().get("/").content.decode()
    assert "is-unread" in cast.client(cast.colleague).get("/").content.decode()


def test_taking_releasing_and_handing_over(cast: Cast) -> None:
    assert _post(cast, "assignment", assignee=str(cast.agent.pk)) == 302
    assert _fresh(cast).assignee == cast.agent
    _post(cast, "assignment", assignee=str(cast.colleague.pk))
    assert _fresh(cast).assignee == cast.colleague
    _post(cast, "assignment", assignee="")
    assert _fresh(cast).assignee is None


def test_a_person_of_another_team_cannot_be_given_it(cast: Cast) -> None:
    client = cast.client()
    response = client.post(
        f"/conversations/{cast.conversation.pk}/assignment/", {"assignee": str(cast.stranger.pk)}, **HTMX
    )
    assert response.status_code == 422
    assert _fresh(cast).assignee is None


def test_giving_it_to_another_team_ends_at_the_queue(cast: Cast) -> None:
    other = builders.make_team("Press")
    response = cast.client().post(f"/conversations/{cast.conversation.pk}/assignment/", {"team": str(other.pk)})
    assert (response.status_code, response.headers["Location"]) == (302, "/")
    assert _fresh(cast).team == other


@pytest.mark.parametrize("state", [State.PENDING, State.SOLVED])
def test_states(cast: Cast, state: str) -> None:
    assert _post(cast, "state", state=state) == 302
    assert _fresh(cast).state == state


def test_snoozing_until_tomorrow_until_a_date_and_until_an_answer(cast: Cast) -> None:
    _post(cast, "snooze", until="tomorrow")
    until = _fresh(cast).snoozed_until
    assert until is not None and until > clock.now()
    _post(cast, "snooze", until_at="2999-01-05T09:00")
    until = _fresh(cast).snoozed_until
    assert until is not None and until.year == 2999
    assert _fresh(cast).wakes_on_reply is False
    _post(cast, "snooze", until="monday", or_reply="1")
    assert (_fresh(cast).snoozed_until is not None, _fresh(cast).wakes_on_reply) == (True, True)
    _post(cast, "snooze", until="reply")
    assert (_fresh(cast).state, _fresh(cast).snoozed_until) == (State.SNOOZED, None)
    assert _fresh(cast).wakes_on_reply is True


@pytest.mark.parametrize("data", [{}, {"until_at": "tomorrow"}, {"until_at": "2001-01-01T09:00"}], ids=str)
def test_a_snooze_without_a_time_in_the_future_is_refused(cast: Cast, data: dict[str, str]) -> None:
    response = cast.client().post(f"/conversations/{cast.conversation.pk}/snooze/", data, **HTMX)
    assert response.status_code == 422
    assert _fresh(cast).state == State.OPEN


def test_priority(cast: Cast) -> None:
    _post(cast, "priority", priority="2")
    assert _fresh(cast).priority == 2
    assert (
        cast.client().post(f"/conversations/{cast.conversation.pk}/priority/", {"priority": "9"}, **HTMX).status_code
        == 422
    )


def test_an_action_by_script_answers_with_head_and_timeline(cast: Cast) -> None:
    response = cast.client().post(f"/conversations/{cast.conversation.pk}/state/", {"state": "solved"}, **HTMX)
    text = response.content.decode()
    assert 'id="conv-head" hx-swap-oob="morph"' in text
    assert 'id="timeline" hx-swap-oob="morph"' in text
    assert "Solved." in text


def test_a_note_is_added_and_nothing_leaves(cast: Cast) -> None:
    assert _post(cast, "messages", kind="note", text="Called her") == 302
    assert cast.conversation.messages.get(kind="note").text == "Called her"
    assert Delivery.objects.count() == 0


def test_a_reply_is_queued_and_can_be_taken_back_with_its_text(cast: Cast) -> None:
    client = cast.client()
    response = client.post(
        f"/conversations/{cast.conversation.pk}/messages/", {"kind": "reply", "text": "We look.", "then": "solved"}
    )
    delivery = Delivery.objects.get()
    assert f"sent={delivery.pk}" in response.headers["Location"]
    assert _fresh(cast).state == State.SOLVED
    page = client.get(response.headers["Location"].partition("#")[0]).content.decode()
    assert f"/deliveries/{delivery.pk}/cancellation/" in page
    response = client.post(f"/deliveries/{delivery.pk}/cancellation/")
    assert f"draft={delivery.message_id}" in response.headers["Location"]
    assert Delivery.objects.get().state == DeliveryState.CANCELLED
    assert (_fresh(cast).state, _fresh(cast).waiting_since is not None) == (State.OPEN, True)
    page = client.get(response.headers["Location"].partition("#")[0]).content.decode()
    assert ">We look.</textarea>" in page
    assert "took a reply back before it left" in page and "<p>We look.</p>" not in page


def test_an_empty_reply_is_refused_in_words(cast: Cast) -> None:
    url = f"/conversations/{cast.conversation.pk}/messages/"
    response = cast.client().post(url, {"kind": "reply", "text": "  "}, **HTMX)
    assert response.status_code == 422
    assert "Write something first." in response.content.decode()
    assert response.headers["HX-Retarget"] == "#toasts"
    assert cast.conversation.messages.count() == 1


def test_a_reply_can_be_scheduled(cast: Cast) -> None:
    _post(cast, "messages", kind="reply", text="Later", then="later", send_at_custom="2999-01-05T09:00")
    scheduled = Delivery.objects.get().scheduled_for
    assert scheduled is not None and scheduled.year == 2999


def test_a_delivery_that_left_cannot_be_taken_back(cast: Cast) -> None:
    message = builders.make_message(cast.conversation, kind="out", user=cast.agent, delivery=DeliveryState.SENT)
    response = cast.client().post(f"/deliveries/{message.delivery.pk}/cancellation/", **HTMX)
    assert response.status_code == 409
    assert Delivery.objects.get().state == DeliveryState.SENT


def test_a_failed_reply_is_sent_again_and_a_doubtful_one_confirmed(cast: Cast) -> None:
    failed = builders.make_message(cast.conversation, kind="out", user=cast.agent, delivery=DeliveryState.FAILED)
    doubtful = builders.make_message(cast.conversation, kind="out", user=cast.agent, delivery=DeliveryState.UNCONFIRMED)
    assert cast.client().post(f"/deliveries/{failed.delivery.pk}/retry/").status_code == 302
    assert cast.client().post(f"/deliveries/{doubtful.delivery.pk}/confirmation/").status_code == 302
    assert [d.state for d in Delivery.objects.order_by("id")] == [DeliveryState.QUEUED, DeliveryState.SENT]


def test_a_message_is_split_off_and_put_back(cast: Cast) -> None:
    second = builders.make_message(cast.conversation, text="And another thing")
    client = cast.client()
    response = client.post(f"/conversations/{cast.conversation.pk}/splits/", {"message": str(second.pk)})
    placement = Placement.objects.get()
    assert response.headers["Location"] == f"/conversations/{placement.target_id}/"
    second.refresh_from_db()
    assert second.conversation_id == placement.target_id
    assert f"/placements/{placement.pk}/undo/" in client.get(f"/messages/{second.pk}/place/").content.decode()
    assert client.post(f"/placements/{placement.pk}/undo/").status_code == 302
    second.refresh_from_db()
    assert second.conversation_id == cast.conversation.pk


def test_two_conversations_of_a_contact_are_merged(cast: Cast) -> None:
    other = builders.make_conversation(cast.account, contact=cast.conversation.contact, subject="The first letter")
    client = cast.client()
    assert "The first letter" in client.get(f"/conversations/{cast.conversation.pk}/merge/").content.decode()
    client.post(f"/conversations/{cast.conversation.pk}/merges/", {"target": str(other.pk)})
    assert _fresh(cast).state == State.MERGED
    response = client.get(f"/conversations/{cast.conversation.pk}/")
    assert response.headers["Location"] == f"/conversations/{other.pk}/"


def test_nobody_merges_into_a_conversation_of_a_team_they_are_not_in(cast: Cast) -> None:
    foreign = builders.make_conversation(builders.make_account(cast.stranger.teams.get(), kind="sandbox"))
    url = f"/conversations/{cast.conversation.pk}/merges/"
    assert cast.client().post(url, {"target": str(foreign.pk)}, **HTMX).status_code == 422
    assert _fresh(cast).state == State.OPEN


def test_a_long_timeline_comes_in_pages(cast: Cast) -> None:
    for number in range(60):
        builders.make_message(cast.conversation, text=f"turn {number:02d}")
    client = cast.client()
    page = client.get(f"/conversations/{cast.conversation.pk}/").content.decode()
    assert "turn 59" in page and "turn 05" not in page
    before = page.partition("timeline/?before=")[2].partition('"')[0]
    earlier = client.get(f"/conversations/{cast.conversation.pk}/timeline/?before={before}", **HTMX).content.decode()
    assert "turn 05" in earlier and "turn 59" not in earlier


def test_changes_are_folded_into_the_timeline(cast: Cast) -> None:
    _post(cast, "assignment", assignee=str(cast.agent.pk))
    _post(cast, "priority", priority="2")
    assert Event.objects.filter(conversation_id=cast.conversation.pk).count() == 2
    page = cast.client().get(f"/conversations/{cast.conversation.pk}/").content.decode()
    assert "2 changes: Camille Roux took it …" in page


def test_the_contact_panel_never_shows_conversations_of_other_teams(cast: Cast) -> None:
    foreign = builders.make_account(cast.stranger.teams.get(), kind="sandbox")
    builders.make_conversation(foreign, contact=cast.conversation.contact, subject="A secret matter")
    builders.make_conversation(cast.account, contact=cast.conversation.contact, subject="An older matter")
    page = cast.client().get(f"/conversations/{cast.conversation.pk}/").content.decode()
    assert "An older matter" in page and "A secret matter" not in page


# The whole history of a contact in one timeline.


@pytest.fixture
def before(cast: Cast) -> Conversation:
    """Return an older conversation of the same contact, by chat, in which the agent's team solved something."""
    chat = builders.make_account(cast.team, kind="webchat", name="Shop chat")
    contact = cast.conversation.contact
    row = builders.make_conversation(chat, contact=contact, subject="", state=State.SOLVED)
    builders.make_message(row, text="My first parcel was late", at=clock.now() - timedelta(days=30))
    cast.client().post(f"/conversations/{row.pk}/state/", {"state": "pending"})
    return row


def _whole(cast: Cast, conversation: Conversation | None = None) -> str:
    pk = (conversation or cast.conversation).pk
    response = cast.client().get(f"/conversations/{pk}/?all=1")
    assert response.status_code == 200
    return response.content.decode()


def test_the_whole_history_tells_every_conversation_in_the_order_of_time(cast: Cast, before: Conversation) -> None:
    page = _whole(cast)
    old = before.messages.get(text="My first parcel was late")
    assert page.index(f'id="m{old.pk}"') < page.index(f'id="m{cast.message.pk}"')
    assert f'href="/conversations/{before.pk}/"' in page and "This conversation" in page
    assert "set it to pending" in page  # what happened there is told too
    assert "Only this conversation" in page and "My first parcel was late" not in _page(cast)
    assert "Whole history" in _page(cast)


def _page(cast: Cast) -> str:
    return cast.client().get(f"/conversations/{cast.conversation.pk}/").content.decode()


def test_the_whole_history_has_what_the_contact_wrote_in_the_thread_of_another(cast: Cast) -> None:
    other = builders.make_conversation(cast.account, contact=builders.make_contact("Zoe Petit"))
    builders.make_message(other, text="Same here, no dial tone", contact=cast.conversation.contact)
    assert "Same here, no dial tone" in _whole(cast)


def test_the_whole_history_never_shows_conversations_of_other_teams(cast: Cast) -> None:
    account = builders.make_account(cast.stranger.teams.get(), kind="sandbox")
    hidden = builders.make_conversation(account, contact=cast.conversation.contact, subject="Secret matter")
    builders.make_message(hidden, text="Nobody else may read this")
    page = _whole(cast)
    assert "Nobody else may read this" not in page and "Secret matter" not in page
    assert "Whole history" not in _page(cast)  # not even that there is one
    for tail in ("timeline/?all=1", "timeline/?all=1&before=2999-01-01T00:00:00%2B00:00,1"):
        response = cast.client().get(f"/conversations/{cast.conversation.pk}/{tail}")
        assert response.status_code == 200 and "Nobody else may read this" not in response.content.decode()
    assert cast.client(cast.stranger).get(f"/conversations/{cast.conversation.pk}/?all=1").status_code == 404


def test_the_answer_stays_in_its_conversation_when_the_whole_history_is_shown(cast: Cast, before: Conversation) -> None:
    """The last message of another conversation does not become whom one answers, nor what one has seen."""
    builders.make_message(before, text="A later word by chat", at=clock.now() + timedelta(minutes=1))
    page = _whole(cast)
    assert f'action="/conversations/{cast.conversation.pk}/messages/"' in page
    mine = cast.conversation.messages.get()
    assert f'name="seen" value="{mine.pk}"' in page
    assert f"/conversations/{before.pk}/?forward=" in page  # a message is forwarded from where it is
    assert f'href="?forward={mine.pk}' in page
    response = cast.client().post(
        f"/conversations/{cast.conversation.pk}/messages/", {"kind": "note", "text": "Seen it", "all": "1"}, **HTMX
    )
    assert "Only this conversation" in response.content.decode()
    assert cast.conversation.messages.filter(text="Seen it").exists()
    assert not ReadMark.objects.filter(conversation=before, user=cast.agent).exists()


def test_a_live_refresh_of_the_whole_history_brings_the_whole_history(cast: Cast, before: Conversation) -> None:
    response = cast.client().get(f"/conversations/{cast.conversation.pk}/timeline/?since=&all=1", **HTMX)
    assert "My first parcel was late" in response.content.decode()
    response = cast.client().post(
        f"/conversations/{cast.conversation.pk}/state/", {"state": "solved", "since": "", "all": "1"}, **HTMX
    )
    assert "My first parcel was late" in response.content.decode()


def test_a_long_history_comes_in_pages_across_conversations(cast: Cast, before: Conversation) -> None:
    for number in range(60):
        builders.make_message(before, text=f"Old word {number:02d}", at=clock.now() - timedelta(days=20 - number / 10))
    page = _whole(cast)
    assert "Old word 59" in page and "Old word 03" not in page
    found = re.search(r"/timeline/\?before=([^\"&]+)&amp;all=1", page)
    assert found is not None
    earlier = cast.client().get(f"/conversations/{cast.conversation.pk}/timeline/?before={found[1]}&all=1", **HTMX)
    assert "Old word 03" in earlier.content.decode() and "My first parcel was late" in earlier.content.decode()
    assert "Old word 59" not in earlier.content.decode()
