"""What helps to write: drafts, files, mentions, the preview, and the other ways to a contact. By script and without."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from comptoir.channels.models import ChannelAccount
from comptoir.contacts.models import Identity
from comptoir.conversations.models import Conversation, State
from comptoir.desk.tests.conftest import Cast
from comptoir.drafts.models import Draft
from comptoir.journal.models import Event
from comptoir.outbound.models import Delivery, DeliveryState
from comptoir.testing import builders

HTMX = {"HTTP_HX_REQUEST": "true"}


def url(cast: Cast, tail: str = "") -> str:
    return f"/conversations/{cast.conversation.pk}/{tail}"


def page(cast: Cast) -> str:
    return cast.client().get(url(cast)).content.decode()


@pytest.fixture
def mailbox(cast: Cast) -> ChannelAccount:
    """Return a mailbox of the team, and give the contact an e-mail address that they typed in the chat."""
    Identity.objects.create(
        contact=cast.conversation.contact, kind="email", address="ada@example.net", name="Ada", is_verified=False
    )
    return builders.make_account(cast.team, kind="email", address="support@example.org")


def test_a_draft_is_saved_and_stands_in_the_composer_of_its_author_alone(cast: Cast) -> None:
    response = cast.client().post(url(cast, "draft/"), {"kind": "note", "text": "Half a sent", "revision": "0"}, **HTMX)
    assert response.json()["revision"] == Draft.objects.get().revision
    assert ">Half a sent</textarea>" in page(cast)
    assert "Half a sent" not in cast.client(cast.colleague).get(url(cast)).content.decode()
    assert 'value="note" checked' in page(cast)


def test_a_page_that_is_behind_gets_both_texts(cast: Cast) -> None:
    client = cast.client()
    client.post(url(cast, "draft/"), {"text": "From the phone", "revision": "0"}, **HTMX)
    response = client.post(url(cast, "draft/"), {"text": "From the desk", "revision": "0"}, **HTMX)
    assert response.status_code == 409
    told = response.json()
    assert told["text"] == "From the phone"
    assert "A newer draft was saved" in told["html"]
    assert Draft.objects.get().text == "From the phone"
    client.post(url(cast, "draft/"), {"text": "From the desk", "revision": "0", "force": "1"}, **HTMX)
    assert Draft.objects.get().text == "From the desk"


def test_a_draft_is_counted_the_channels_way(cast: Cast) -> None:
    cast.account.options = {"imitates": "x"}
    cast.account.save()
    response = cast.client().post(url(cast, "draft/"), {"text": "你好 https://example.org/" + "a" * 99}, **HTMX)
    assert response.json()["count"] == {"words": "28 of 280", "tone": ""}
    assert "28 of 280" in page(cast)


def test_without_a_script_the_draft_is_kept_and_the_page_of_choices_opens(cast: Cast) -> None:
    file = SimpleUploadedFile("a.txt", b"x", "text/plain")
    response = cast.client().post(url(cast, "draft/"), {"text": "Kept", "next": "macros", "files": file})
    assert response.headers["Location"] == url(cast, "macros/")
    assert (Draft.objects.get().text, len(Draft.objects.get().files)) == ("Kept", 1)


def test_sending_ends_the_draft_and_takes_its_files_along(cast: Cast, mailbox: ChannelAccount) -> None:
    row = builders.make_conversation(mailbox)
    client, here = cast.client(), f"/conversations/{row.pk}/"
    told = client.post(
        here + "draft/files/", {"files": SimpleUploadedFile("plan.pdf", b"%PDF", "application/pdf")}, **HTMX
    )
    number = told.json()["files"][0]["id"]
    assert "plan.pdf" in client.get(here).content.decode()
    client.post(here + "messages/", {"kind": "reply", "text": "Here it is", "file": [number]})
    message = Delivery.objects.get().message
    assert [file.filename for file in message.attachments.all()] == ["plan.pdf"]
    assert Draft.objects.count() == 0
    client.post(f"/deliveries/{message.delivery.pk}/cancellation/")
    assert (Draft.objects.get().text, Draft.objects.get().files[0]["name"]) == ("Here it is", "plan.pdf")


def test_a_refused_file_is_told_in_words(cast: Cast) -> None:
    response = cast.client().post(url(cast, "draft/files/"), {"files": SimpleUploadedFile("a.exe", b"MZ")}, **HTMX)
    assert response.status_code == 422
    assert "is a program or a script" in response.content.decode()
    assert Draft.objects.count() == 0


def test_a_note_leaves_the_files_for_the_answer(cast: Cast) -> None:
    client = cast.client()
    client.post(url(cast, "draft/files/"), {"files": SimpleUploadedFile("a.txt", b"x")}, **HTMX)
    client.post(url(cast, "messages/"), {"kind": "note", "text": "Ask the depot"})
    assert len(Draft.objects.get().files) == 1


def test_removing_a_file_without_a_script_keeps_what_is_written(cast: Cast) -> None:
    client = cast.client()
    client.post(url(cast, "draft/files/"), {"files": SimpleUploadedFile("a.txt", b"x")}, **HTMX)
    number = Draft.objects.get().files[0]["id"]
    client.post(url(cast, f"draft/files/{number}/removal/"), {"kind": "reply", "text": "Still here"})
    assert (Draft.objects.get().text, Draft.objects.get().files) == ("Still here", [])


def test_drafts_are_listed_and_thrown_away(cast: Cast) -> None:
    client = cast.client()
    client.post(url(cast, "draft/"), {"text": "Begun on Monday"}, **HTMX)
    assert "Begun on Monday" in client.get("/drafts/").content.decode()
    assert "Begun on Monday" not in cast.client(cast.colleague).get("/drafts/").content.decode()
    client.post(url(cast, "draft/disposal/"))
    assert "No draft" in client.get("/drafts/").content.decode()


def test_a_mention_is_in_the_event_and_marked_in_the_note(cast: Cast) -> None:
    cast.client().post(url(cast, "messages/"), {"kind": "note", "text": "@tom okafor <b> see @Sam Stranger"})
    assert Event.objects.get(kind="note.added").facts == {"mentions": [cast.colleague.pk]}
    shown = page(cast)
    assert '<b class="mention">@tom okafor</b> &lt;b&gt; see @Sam Stranger' in shown


def test_people_are_found_by_the_beginning_of_their_names(cast: Cast) -> None:
    found = cast.client().get(url(cast, "people/"), {"q": "oka"}, **HTMX).content.decode()
    assert 'data-text="@Tom Okafor "' in found and "Lea Lead" not in found
    assert "Camille" not in cast.client().get(url(cast, "people/"), **HTMX).content.decode()


def test_the_preview_shows_subject_signature_and_history(cast: Cast) -> None:
    mailbox = builders.make_account(cast.team, kind="email", signature="The service")
    row = builders.make_conversation(mailbox, subject="No dial tone")
    form = {"kind": "reply", "text": "We come <tomorrow>"}
    shown = cast.client().post(f"/conversations/{row.pk}/preview/", form, **HTMX).content.decode()
    for words in ("Re: No dial tone", "We come &lt;tomorrow&gt;", "The service", "my line has been dead"):
        assert words in shown, words
    assert Delivery.objects.count() == 0


def test_the_preview_shows_the_parts(cast: Cast) -> None:
    cast.account.options = {"imitates": "sms"}
    cast.account.save()
    shown = cast.client().post(url(cast, "preview/"), {"text": "a" * 200}).content.decode()
    assert "1/2, 153 of 153" in shown and "2/2, 47 of 153" in shown
    assert Draft.objects.get().text == "a" * 200  # without a script it is kept


def test_a_text_with_a_hole_does_not_leave(cast: Cast) -> None:
    form = {"kind": "reply", "text": "Hello [missing: contact.first_name],"}
    response = cast.client().post(url(cast, "messages/"), form, **HTMX)
    assert response.status_code == 422
    assert "is still in your text" in response.content.decode()
    assert Delivery.objects.count() == 0


def test_what_a_channel_cannot_take_is_not_queued(cast: Cast) -> None:
    chat = builders.make_account(cast.team, kind="webchat")
    row = builders.make_conversation(chat)
    response = cast.client().post(f"/conversations/{row.pk}/messages/", {"kind": "reply", "text": "x" * 5001}, **HTMX)
    assert response.status_code == 422
    assert "takes 5,000 characters at most" in response.content.decode()


def test_an_answer_goes_by_mail_to_who_wrote_elsewhere(cast: Cast, mailbox: ChannelAccount) -> None:
    client = cast.client()
    offered = client.post(url(cast, "roads/"), **HTMX).content.decode()
    assert "ada@example.net" in offered and "address not verified" in offered
    key = f"m{mailbox.pk}:{Identity.objects.get(address='ada@example.net').pk}"
    assert f'data-road="{key}"' in offered
    form = {"kind": "reply", "text": "By mail then", "road": key}
    response = client.post(url(cast, "messages/"), form)
    delivery = Delivery.objects.get()
    there = delivery.message.conversation
    assert f"/conversations/{there.pk}/?sent={delivery.pk}" in response.headers["Location"]
    assert (there.account, there.contact, there.subject) == (mailbox, cast.conversation.contact, "No dial tone")
    assert delivery.envelope["to"] == [{"name": "Ada", "address": "ada@example.net"}]
    assert Conversation.objects.get(pk=cast.conversation.pk).state == State.PENDING
    assert f"in conversation no. {there.pk}" in page(cast)
    assert f"no. {cast.conversation.pk}" in client.get(f"/conversations/{there.pk}/").content.decode()


def test_an_answer_elsewhere_is_taken_back_to_where_it_was_written(cast: Cast, mailbox: ChannelAccount) -> None:
    client = cast.client()
    key = f"m{mailbox.pk}:{Identity.objects.get(address='ada@example.net').pk}"
    client.post(url(cast, "messages/"), {"kind": "reply", "text": "By mail then", "road": key})
    response = client.post(f"/deliveries/{Delivery.objects.get().pk}/cancellation/")
    assert response.headers["Location"].startswith(url(cast))
    assert Delivery.objects.get().state == DeliveryState.CANCELLED
    assert Conversation.objects.get(pk=cast.conversation.pk).state == State.OPEN
    assert ">By mail then</textarea>" in page(cast)


def test_a_second_answer_goes_on_in_the_same_thread(cast: Cast, mailbox: ChannelAccount) -> None:
    there = builders.make_conversation(mailbox, contact=cast.conversation.contact, subject="Earlier")
    key = f"m{mailbox.pk}:{Identity.objects.get(address='ada@example.net').pk}"
    cast.client().post(url(cast, "messages/"), {"kind": "reply", "text": "Here", "road": key})
    assert Delivery.objects.get().message.conversation == there


def test_a_road_of_another_team_is_none(cast: Cast) -> None:
    foreign = builders.make_account(cast.stranger.teams.get(), kind="email")
    identity = Identity.objects.create(contact=cast.conversation.contact, kind="email", address="ada@example.net")
    elsewhere = builders.make_conversation(foreign, contact=cast.conversation.contact)
    for key in (f"m{foreign.pk}:{identity.pk}", f"c{elsewhere.pk}", "m1:1", "nonsense"):
        form = {"kind": "reply", "text": "Hello", "road": key}
        assert cast.client().post(url(cast, "messages/"), form, **HTMX).status_code == 422, key
    assert Delivery.objects.count() == 0
    assert "ada@example.net" not in cast.client().post(url(cast, "roads/"), **HTMX).content.decode()


def test_the_conversations_page_asks_the_database_nothing_more(
    cast: Cast, django_assert_max_num_queries: object
) -> None:
    client = cast.client()
    client.post(url(cast, "draft/"), {"text": "A draft", "revision": "0"}, **HTMX)
    client.post(url(cast, "messages/"), {"kind": "note", "text": "@Tom Okafor"})
    client.get(url(cast))
    with django_assert_max_num_queries(20) as seen:  # type: ignore[operator]
        client.get(url(cast))
    assert not any("knowledge_" in query["sql"] for query in seen.captured_queries)
    alone = [query["sql"] for query in seen.captured_queries if 'FROM "drafts_draft"' in query["sql"][:400]]
    assert all("conversations_conversation" in sql for sql in alone)
