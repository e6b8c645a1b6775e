"""The desk of the networks: public threads, answers taken private, windows, approved texts, edits and deletions."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from comptoir.channels.base import After, Window
from comptoir.channels.models import ApprovedTemplate
from comptoir.channels.registry import channels
from comptoir.conversations.models import Attachment, Conversation, Message
from comptoir.core import clock
from comptoir.desk.tests.conftest import Cast
from comptoir.outbound.models import Delivery
from comptoir.testing import builders

HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def public(cast: Cast) -> Conversation:
    """Return a public thread of two customers in the agent's team."""
    row = cast.conversation
    Conversation.objects.filter(pk=row.pk).update(is_public=True, thread_key="post:1")
    Message.objects.filter(pk=cast.message.pk).update(facts={"id": "m1"}, message_id="m1", author_address="ada")
    zoe = builders.make_contact("Zoe Petit", address="zoe", kind="sandbox")
    builders.make_message(
        row, text="Same here", contact=zoe, author_name="Zoe Petit", author_address="zoe", message_id="m2",
        facts={"id": "m2", "permalink": "https://network.example/m2"},
    )  # fmt: skip
    row.refresh_from_db()
    return row


def _page(cast: Cast, row: Conversation, more: str = "") -> str:
    return cast.client().get(f"/conversations/{row.pk}/{more}").content.decode()


def _write(cast: Cast, row: Conversation, **values: str) -> bool:
    """Send an answer; return whether it was taken (and not refused in words)."""
    response = cast.client().post(f"/conversations/{row.pk}/messages/", {"kind": "reply", **values}, **HTMX)
    assert response.status_code in {200, 204, 422}
    return bool(response.status_code != 422)


def test_a_public_thread_says_so_in_the_queue_in_its_head_and_at_the_composer(cast: Cast, public: Conversation) -> None:
    assert 'aria-label="Public"' in cast.client().get("/").content.decode()
    page = _page(cast, public)
    assert "Everybody will read this answer." in page
    assert 'href="https://network.example/m2"' in page and "noopener" in page
    assert "Everybody will read this answer." not in _page(cast, builders.make_conversation(cast.account))


def test_one_of_several_authors_is_chosen_and_answered(cast: Cast, public: Conversation) -> None:
    page = _page(cast, public, f"?answers={cast.message.pk}")
    assert "Everybody will read this answer to Ada Martin." in page
    assert _write(cast, public, text="We know.", answers=str(cast.message.pk))
    envelope = Delivery.objects.get().envelope
    assert (envelope["to"][0]["address"], envelope["answers"]["id"], envelope["is_public"]) == ("ada", "m1", True)


def test_a_message_of_another_conversation_cannot_be_answered_here(cast: Cast, public: Conversation) -> None:
    stranger = builders.make_conversation(cast.account).messages.get()
    response = cast.client().post(
        f"/conversations/{public.pk}/messages/", {"kind": "reply", "text": "x", "answers": stranger.pk}, **HTMX
    )
    assert response.status_code == 422 and not Delivery.objects.exists()


def test_a_complaint_is_taken_private_in_one_action_and_both_parts_are_in_the_timeline(
    cast: Cast, public: Conversation
) -> None:
    zoe = Message.objects.get(message_id="m2")
    page = _page(cast, public)
    assert f'data-road="p{zoe.pk}"' in page and "We have just written to you in a private message." in page
    response = cast.client().post(
        f"/conversations/{public.pk}/messages/",
        {"kind": "reply", "text": "Your number, please?", "road": f"p{zoe.pk}", "acknowledge": "We wrote to you."},
    )
    private = Conversation.objects.get(thread_key="private:zoe")
    assert (private.contact.name, private.is_public, private.account_id) == ("Zoe Petit", False, public.account_id)
    told = {d.message.text: d.envelope for d in Delivery.objects.select_related("message")}
    assert told["We wrote to you."]["is_public"] and told["We wrote to you."]["answers"]["id"] == "m2"
    assert "is_public" not in told["Your number, please?"]
    assert told["Your number, please?"]["answers"]["is_private_reply"] is True
    where = response.headers["Location"]
    assert where.startswith(f"/conversations/{private.pk}/") and "all=1" in where
    page = cast.client().get(where.partition("#")[0]).content.decode()
    assert "We wrote to you." in page and "Your number, please?" in page


def test_the_second_private_answer_goes_on_in_the_same_conversation(cast: Cast, public: Conversation) -> None:
    zoe = Message.objects.get(message_id="m2")
    for text in ("One", "Two"):
        assert _write(cast, public, text=text, road=f"p{zoe.pk}")
    assert Conversation.objects.get(thread_key="private:zoe").messages.count() == 2


def test_a_private_thread_of_another_team_is_no_way(cast: Cast, public: Conversation) -> None:
    hidden = builders.make_conversation(cast.account, team=cast.stranger.teams.get())
    Conversation.objects.filter(pk=hidden.pk).update(thread_key="private:zoe")
    zoe = Message.objects.get(message_id="m2")
    assert f'data-road="p{zoe.pk}"' not in _page(cast, public)
    assert not _write(cast, public, text="x", road=f"p{zoe.pk}")
    assert not Delivery.objects.exists()


@pytest.fixture
def window() -> Iterator[dict[str, object]]:
    """Give the sandbox a window of a day; what is allowed afterwards is chosen by the test."""
    rule: dict[str, object] = {"after": After.TEMPLATE, "ends": None}

    def compute(asked_at: datetime, *, is_public: bool, facts: object) -> Window | None:
        after, ends = rule["after"], rule["ends"]
        assert isinstance(after, After)
        return Window(asked_at + timedelta(days=1), after, asked_at + ends if isinstance(ends, timedelta) else None)

    object.__setattr__(channels()["sandbox"], "window", compute)
    yield rule
    object.__setattr__(channels()["sandbox"], "window", None)


def _age(cast: Cast, days: int) -> None:
    at = clock.now() - timedelta(days=days)
    Message.objects.filter(pk=cast.message.pk).update(sent_at=at, created_at=at)


def test_an_open_window_is_counted_down(cast: Cast, window: dict[str, object]) -> None:
    page = _page(cast, cast.conversation)
    assert "Free answers are possible for" in page and "data-left" in page
    assert _write(cast, cast.conversation, text="Hello")


def test_when_it_has_closed_only_an_approved_text_leaves(cast: Cast, window: dict[str, object]) -> None:
    _age(cast, 2)
    assert not _write(cast, cast.conversation, text="Hello") and not Delivery.objects.exists()
    one = ApprovedTemplate.objects.create(
        account=cast.account, name="again", language="en", body="Hello {{1}}, about {{2}}.", status="approved",
        read_at=clock.now(),
    )  # fmt: skip
    assert "Hello {{1}}, about {{2}}." in _page(cast, cast.conversation)
    url = f"/conversations/{cast.conversation.pk}/messages/"
    values = {"kind": "reply", "text": "", "template": one.pk, f"value-{one.pk}": ["Ada", ""]}
    assert cast.client().post(url, values, **HTMX).status_code == 422 and not Delivery.objects.exists()
    assert cast.client().post(url, values | {f"value-{one.pk}": ["Ada", "your line"]}).status_code == 302
    delivery = Delivery.objects.get()
    assert delivery.message.text == "Hello Ada, about your line."
    assert delivery.envelope["template"] == {"name": "again", "language": "en", "values": ["Ada", "your line"]}


def test_a_person_may_answer_late_where_the_network_has_a_tag_for_it(cast: Cast, window: dict[str, object]) -> None:
    window.update(after=After.TAG, ends=timedelta(days=7))
    _age(cast, 2)
    assert "a person may still answer" in _page(cast, cast.conversation)
    assert _write(cast, cast.conversation, text="Hello")
    assert Delivery.objects.get().envelope["is_late"] is True
    _age(cast, 8)
    assert "takes no answer to this message any more" in _page(cast, cast.conversation)
    assert not _write(cast, cast.conversation, text="Hello again")
    assert Delivery.objects.count() == 1


def test_what_was_done_to_a_message_is_shown_and_the_original_kept(cast: Cast) -> None:
    at = clock.now().isoformat()
    marks = {"text": "Dead since <Monday>", "edited_at": at, "reactions": {"like": 3, "🙈": 1}}
    Message.objects.filter(pk=cast.message.pk).update(marks=marks)
    page = _page(cast, cast.conversation)
    assert "Dead since &lt;Monday&gt;" in page and "Edited by its author" in page
    assert "Hello, my line has been dead since this morning." in page  # folded away
    assert "👍 <small>3</small>" in page and "🙈 <small>1</small>" in page
    Message.objects.filter(pk=cast.message.pk).update(marks={"deleted_at": at})
    page = _page(cast, cast.conversation)
    assert "Deleted by its author" in page and "What it said at first" in page


def test_a_file_that_is_still_with_its_platform_is_no_link(cast: Cast) -> None:
    file = builders.make_attachment(cast.message, filename="photo.jpg", remote={"ref": {}}, fetch_at=clock.now())
    Attachment.objects.update(key="")
    page = _page(cast, cast.conversation)
    assert "is being fetched" in page and f"/attachments/{file.pk}/" not in page
    assert cast.client().get(f"/attachments/{file.pk}/").status_code == 404


def test_a_strangers_message_is_hidden_and_shown_again_where_the_network_can(cast: Cast, public: Conversation) -> None:
    asked: list[tuple[str, bool]] = []
    message = Message.objects.get(message_id="m2")
    assert cast.client().post(f"/messages/{message.pk}/hiding/", {"hidden": "1"}, **HTMX).status_code == 422
    sandbox = channels()["sandbox"]
    object.__setattr__(sandbox, "hide", lambda number, account, *, hidden: asked.append((number, hidden)))
    try:
        assert f"/messages/{message.pk}/hiding/" in _page(cast, public)
        assert cast.client(cast.stranger).post(f"/messages/{message.pk}/hiding/", {"hidden": "1"}).status_code == 404
        assert cast.client().post(f"/messages/{message.pk}/hiding/", {"hidden": "1"}, **HTMX).status_code == 200
        assert "Hidden from the public since" in _page(cast, public)
        assert cast.client().post(f"/messages/{message.pk}/hiding/", {"hidden": ""}, **HTMX).status_code == 200
    finally:
        object.__setattr__(sandbox, "hide", None)
    assert asked == [("m2", True), ("m2", False)]
    message.refresh_from_db()
    assert message.marks == {} and message.amendments.count() == 2
