"""Saved replies and macros on their pages and in a conversation, by script and without."""

from comptoir.conversations.models import Conversation, State
from comptoir.desk.tests.conftest import Cast
from comptoir.drafts.models import Draft
from comptoir.knowledge.models import Macro, SavedReply
from comptoir.outbound.models import Delivery, DeliveryState

HTMX = {"HTTP_HX_REQUEST": "true"}
REPLY = {"name": "Thanks", "shortcut": "/Thx", "folder": "Daily", "body_en": "Thank you, {{contact.first_name}}"}


def here(cast: Cast, tail: str = "") -> str:
    return f"/conversations/{cast.conversation.pk}/{tail}"


def test_an_agent_writes_one_for_themselves_and_inserts_it_without_a_script(cast: Cast) -> None:
    client = cast.client()
    assert client.post("/replies/new/", REPLY | {"owner": "shared"}).status_code == 302
    reply = SavedReply.objects.get()
    assert (reply.owner, reply.shortcut) == (cast.agent, "thx")
    assert "Thank you, Ada" in client.get(here(cast, "replies/"), {"q": "thx"}).content.decode()
    client.post(here(cast, "draft/"), {"text": "Dear Ada,", "next": "replies"})
    client.post(here(cast, f"replies/{reply.pk}/use/"))
    assert Draft.objects.get().text == "Dear Ada,\n\nThank you, Ada"
    assert SavedReply.objects.get().use_count == 1


def test_a_lead_writes_for_everybody_and_an_agent_can_only_use_it(cast: Cast) -> None:
    cast.client(cast.lead).post("/replies/new/", REPLY | {"owner": "shared"})
    reply, client = SavedReply.objects.get(), cast.client()
    shown = client.get(f"/replies/{reply.pk}/").content.decode()
    assert "The team leads keep this one" in shown and "Delete this saved reply" not in shown
    client.post(f"/replies/{reply.pk}/", REPLY | {"name": "Mine now"})
    assert client.post(f"/replies/{reply.pk}/deletion/").status_code == 404
    assert SavedReply.objects.get().name == "Thanks"
    assert client.get(here(cast, "replies/"), {"q": "thank"}, **HTMX).content.decode().count('role="option"') == 1


def test_a_reply_is_previewed_before_it_is_saved(cast: Cast) -> None:
    shown = cast.client().post("/replies/new/", REPLY | {"preview": "1"}).content.decode()
    assert "Thank you, Ada" in shown
    assert SavedReply.objects.count() == 0


def test_what_is_refused_stands_beside_its_field_and_nothing_is_lost(cast: Cast) -> None:
    response = cast.client().post("/replies/new/", REPLY | {"body_fr": "Merci {{contact.prenom}}"})
    shown = response.content.decode()
    assert response.status_code == 422
    assert "There is no placeholder {{contact.prenom}}" in shown
    assert "Merci {{contact.prenom}}</textarea>" in shown and "Thank you" in shown


def test_replies_are_searched_and_deleted(cast: Cast) -> None:
    client = cast.client()
    client.post("/replies/new/", REPLY)
    assert "Thanks" in client.get("/replies/", {"q": "THX"}).content.decode()
    assert "No saved reply fits" in client.get("/replies/", {"q": "zebra"}).content.decode()
    client.post(f"/replies/{SavedReply.objects.get().pk}/deletion/")
    assert "No saved reply yet" in client.get("/replies/").content.decode()


def macro(cast: Cast, **fields: str) -> Macro:
    values = {"name": "Routine", "do_assign": "me", "do_state": "solved", **fields}
    assert cast.client().post("/macros/new/", values).status_code == 302
    return Macro.objects.latest("pk")


def test_a_macro_is_applied_with_one_toast_and_undone(cast: Cast) -> None:
    row, client = macro(cast, do_send="Soon, {{contact.first_name}}."), cast.client()
    assert "Routine" in client.post(here(cast, "macros/"), **HTMX).content.decode()
    told = client.post(here(cast, f"macros/{row.pk}/"), {"text": "Begun"}, **HTMX).content.decode()
    assert "“Routine” is done." in told and "applied the macro “Routine”" in told
    found = Conversation.objects.get(pk=cast.conversation.pk)
    assert (found.assignee, found.state) == (cast.agent, State.SOLVED)
    token = told.partition('name="token" value="')[2].partition('"')[0]
    told = client.post(here(cast, "macros/undo/"), {"token": token}, **HTMX).content.decode()
    assert "Undone." in told
    found = Conversation.objects.get(pk=cast.conversation.pk)
    assert (found.assignee, found.state) == (None, State.OPEN)
    assert Delivery.objects.get().state == DeliveryState.CANCELLED


def test_without_a_script_the_toast_is_on_the_page(cast: Cast) -> None:
    row, client = macro(cast), cast.client()
    assert "Routine" in client.get(here(cast, "macros/")).content.decode()
    response = client.post(here(cast, f"macros/{row.pk}/"))
    shown = client.get(response.headers["Location"].partition("#")[0]).content.decode()
    assert "“Routine” is done." in shown
    token = shown.partition('name="token" value="')[2].partition('"')[0]
    client.post(here(cast, "macros/undo/"), {"token": token})
    assert Conversation.objects.get(pk=cast.conversation.pk).state == State.OPEN


def test_what_a_macro_inserts_comes_below_what_is_written(cast: Cast) -> None:
    row = macro(cast, do_insert="Your line number, please.")
    told = cast.client().post(here(cast, f"macros/{row.pk}/"), {"text": "Hello,", "kind": "reply"}, **HTMX)
    assert Draft.objects.get().text == "Hello,\n\nYour line number, please."
    assert 'id="draft-in"' in told.content.decode() and "Hello," in told.content.decode()


def test_an_undo_is_worth_nothing_in_another_conversation_or_forged(cast: Cast) -> None:
    row, client = macro(cast), cast.client()
    told = client.post(here(cast, f"macros/{row.pk}/"), **HTMX).content.decode()
    token = told.partition('name="token" value="')[2].partition('"')[0]
    Conversation.objects.filter(pk=cast.conversation.pk).update(state="pending")
    other = f"/conversations/{cast.conversation.pk}/macros/undo/"
    assert client.post(other, {"token": token[:-2] + "xx"}, **HTMX).status_code == 422
    assert client.post(other, {}, **HTMX).status_code == 422
    assert Conversation.objects.get(pk=cast.conversation.pk).assignee == cast.agent


def test_a_macro_of_somebody_else_cannot_be_applied(cast: Cast) -> None:
    row = macro(cast)
    client = cast.client(cast.colleague)
    assert client.post(here(cast, f"macros/{row.pk}/"), **HTMX).status_code == 404
    assert client.get(f"/macros/{row.pk}/").status_code == 404
    assert Conversation.objects.get(pk=cast.conversation.pk).state == State.OPEN


def test_macros_are_listed_in_words_changed_and_deleted(cast: Cast) -> None:
    row, client = macro(cast), cast.client()
    assert "Assign it to: Whoever applies it · Then make it: Solved" in client.get("/macros/").content.decode()
    client.post(f"/macros/{row.pk}/", {"name": "Routine", "do_priority": "2"})
    assert Macro.objects.get().steps == [{"do": "priority", "with": "2"}]
    assert client.post(f"/macros/{row.pk}/", {"name": "Routine"}).status_code == 422
    client.post(f"/macros/{row.pk}/deletion/")
    assert "No macro yet" in client.get("/macros/").content.decode()


def test_an_object_that_takes_only_posts_takes_no_gets(cast: Cast) -> None:
    row, client = macro(cast), cast.client()
    for path in (here(cast, f"macros/{row.pk}/"), here(cast, "draft/"), here(cast, "preview/"), "/macros/1/deletion/"):
        assert client.get(path).status_code == 405, path
