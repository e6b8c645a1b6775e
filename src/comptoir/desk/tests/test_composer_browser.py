"""The composer in a real browser: picks, drafts, files, mentions, lengths; on two devices, offline and on a phone."""

from collections.abc import Callable
from typing import Any

import pytest

from comptoir.accounts.models import User
from comptoir.contacts.models import Identity
from comptoir.conversations.models import Conversation, State
from comptoir.drafts.models import Draft
from comptoir.journal.models import Event
from comptoir.journal.services import SYSTEM
from comptoir.knowledge.models import SavedReply
from comptoir.knowledge.services import ReplyWords, save_macro, save_reply
from comptoir.outbound.models import Delivery, DeliveryState
from comptoir.testing import builders

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
Browse = Callable[..., Any]


@pytest.fixture
def replies(db: None) -> None:
    bodies = {"en": "Your parcel left, {{contact.first_name}}.", "fr": "Votre colis est parti."}
    save_reply(actor=SYSTEM, user=None, words=ReplyWords("Parcel on its way", bodies, shortcut="colis"))
    save_reply(actor=SYSTEM, user=None, words=ReplyWords("Délai dépassé", {"fr": "Désolés."}, shortcut="retard"))


def at(browse: Browse, conversation: Conversation, **options: Any) -> Any:
    page = browse(f"/conversations/{conversation.pk}/", **options)
    page.locator("#text").click()
    page.locator("[data-composer][data-picks]").wait_for()
    return page


def saved(page: Any) -> None:
    page.locator("[data-draft-state]").filter(has_text="Draft saved").wait_for(state="attached")


def test_a_slash_finds_a_saved_reply_and_enter_inserts_it(
    browse: Browse, conversation: Conversation, replies: None
) -> None:
    page = at(browse, conversation)
    page.keyboard.type("Hello,\n/")
    page.locator(".pick [role=option]").nth(1).wait_for()
    page.keyboard.type("delai")
    page.get_by_role("option", name="Délai dépassé").wait_for()
    page.locator(".pick [role=option]").nth(1).wait_for(state="detached")
    for _letter in "delai":
        page.keyboard.press("Backspace")
    page.keyboard.type("col")
    page.locator(".pick [role=option][aria-selected=true]", has_text="Parcel").wait_for()
    page.locator(".pick [role=option]").nth(1).wait_for(state="detached")
    page.keyboard.press("Enter")
    assert page.locator("#text").input_value() == "Hello,\nYour parcel left, Ada."
    saved(page)
    assert SavedReply.objects.get(shortcut="colis").use_count == 1


@pytest.mark.parametrize(
    ("typed", "expected"),
    [("1 / 2", "1 / 2"), ("and/or", "and/or"), ("https://a.example/b", "https://a.example/b")],
)
def test_a_slash_that_means_itself_stays(browse: Browse, conversation: Conversation, typed: str, expected: str) -> None:
    page = at(browse, conversation)
    page.keyboard.type(typed, delay=20)
    page.wait_for_timeout(300)
    page.locator(".pick").wait_for(state="detached")
    page.locator("#text").press("End")
    page.wait_for_function("value => document.getElementById('text').value === value", arg=expected)


def test_escape_gives_back_what_was_typed(browse: Browse, conversation: Conversation, replies: None) -> None:
    page = at(browse, conversation)
    page.keyboard.type("/zzz")
    page.locator(".pick-none").wait_for()
    page.keyboard.press("Escape")
    assert page.locator("#text").input_value() == "/zzz"
    assert page.evaluate("document.activeElement.id") == "text"


def test_a_draft_survives_and_follows_and_a_device_that_is_behind_may_take_either(
    browse: Browse, conversation: Conversation
) -> None:
    desk = at(browse, conversation)
    desk.keyboard.type("Begun at the desk")
    saved(desk)
    phone = at(browse, conversation, viewport={"width": 390, "height": 844})
    assert phone.locator("#text").input_value() == "Begun at the desk"
    phone.keyboard.press("End")
    phone.keyboard.type(", gone on by phone")
    saved(phone)
    desk.keyboard.type(" and here")
    desk.locator("[data-behind]").wait_for()
    assert "gone on by phone" in desk.locator("[data-behind]").inner_text()
    desk.locator("[data-take=theirs]").click()
    assert desk.locator("#text").input_value() == "Begun at the desk, gone on by phone"
    desk.keyboard.press("Control+End")
    desk.keyboard.type("!")
    saved(desk)
    phone.keyboard.type(" Mine")
    phone.locator("[data-take=mine]").click()
    saved(phone)
    assert Draft.objects.get().text == "Begun at the desk, gone on by phone Mine"


def test_what_is_written_offline_is_kept_here_and_saved_later(browse: Browse, conversation: Conversation) -> None:
    page = at(browse, conversation)
    page.context.set_offline(True)
    page.keyboard.type("In a tunnel")
    page.locator("[data-draft-state]", has_text="on this device").wait_for()
    assert Draft.objects.count() == 0
    page.context.set_offline(False)
    page.locator("[data-draft-state]").filter(has_not_text="device").filter(has_text="saved").wait_for()
    assert Draft.objects.get().text == "In a tunnel"


def test_sending_at_once_leaves_no_draft_behind(browse: Browse, conversation: Conversation) -> None:
    page = at(browse, conversation)
    for number in range(3):
        page.keyboard.type(f"Answer {number}")
        page.wait_for_timeout(590 + 10 * number)  # about when the draft is saved
        page.keyboard.press("Control+Enter")
        page.locator(f"#timeline .msg-out:has-text('Answer {number}')").wait_for()
        assert page.locator("#text").input_value() == ""
    page.wait_for_timeout(900)
    assert (Draft.objects.count(), Delivery.objects.count()) == (0, 3)


def test_files_are_uploaded_at_once_refused_in_words_and_removed(browse: Browse, conversation: Conversation) -> None:
    account = builders.make_account(conversation.team, kind="email")
    mail = builders.make_conversation(account)
    page = at(browse, mail)
    picture = {"name": "plan.png", "mimeType": "image/png", "buffer": b"\x89PNG"}
    program = {"name": "setup.exe", "mimeType": "application/octet-stream", "buffer": b"MZ"}
    page.locator("input[name=files]").set_input_files([picture, program])
    page.locator(".file[data-tone=bad]", has_text="is a program or a script").wait_for()
    page.locator(".file input[name=file]").wait_for(state="attached")
    page.locator("#text").fill("The plan")
    saved(page)
    page.reload()
    assert page.locator(".composer-files .file").inner_text().startswith("plan.png")
    data = page.evaluate_handle("""() => {
        const data = new DataTransfer();
        data.items.add(new File(["x"], "dropped.txt", { type: "text/plain" }));
        return data;
    }""")
    page.dispatch_event("#text", "drop", {"dataTransfer": data})
    page.locator(".file:has-text('dropped.txt') input[name=file]").wait_for(state="attached")
    page.locator(".file:has-text('plan.png') .file-remove").click()
    page.locator("[data-send]").click()
    page.locator(".toast[data-undo]").wait_for()
    message = Delivery.objects.get().message
    assert [file.filename for file in message.attachments.all()] == ["dropped.txt"]
    assert page.locator(".composer-files .file").count() == 0


def test_a_colleague_is_mentioned_in_a_note(browse: Browse, conversation: Conversation, agent: User) -> None:
    colleague = builders.make_user(conversation.team, name="Zoé Okafor")
    page = at(browse, conversation)
    page.keyboard.type("a@b.example ")  # in an answer it begins an address
    assert page.locator(".pick").count() == 0
    page.locator("#text").fill("")
    page.locator(".seg label", has_text="Note").click()
    page.keyboard.type("@zoe")
    page.locator(".pick [aria-selected=true]", has_text="Zoé Okafor").wait_for()
    page.keyboard.press("Enter")
    page.keyboard.type("please look")
    page.keyboard.press("Control+Enter")
    page.locator(".msg-note .mention", has_text="@Zoé Okafor").wait_for()
    assert Event.objects.get(kind="note.added").facts == {"mentions": [colleague.pk]}


@pytest.mark.parametrize("words", ["merci", "thanks"])
def test_an_emoji_is_found_in_both_languages(browse: Browse, conversation: Conversation, words: str) -> None:
    page = at(browse, conversation)
    page.locator("[data-emoji]").click()
    page.locator(".pick-grid [role=option]").nth(100).wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.keyboard.type(words)
    page.locator(".pick-grid [role=option]").nth(3).wait_for(state="detached")
    page.keyboard.press("Enter")
    assert page.locator("#text").input_value() == "🙏"


def test_a_macro_is_applied_from_the_menu_and_undone(browse: Browse, conversation: Conversation) -> None:
    steps = [{"do": "insert", "with": "Your line number, please."}, {"do": "state", "with": "pending"}]
    save_macro(actor=SYSTEM, user=None, name="Ask for the line", steps=steps)
    page = at(browse, conversation)
    page.keyboard.type("Hello,")
    page.locator("details[data-panel$='/macros/'] > summary").click()
    page.get_by_role("button", name="Ask for the line").click()
    page.locator(".conv-meta .state[data-state=pending]").wait_for()
    page.wait_for_function("document.getElementById('text').value === 'Hello,\\n\\nYour line number, please.'")
    page.locator(".toast button", has_text="Undo").click()
    page.locator(".conv-meta .state[data-state=open]").wait_for()
    assert Conversation.objects.get(pk=conversation.pk).state == State.OPEN


def test_a_macro_waits_for_the_draft_and_never_sends_what_is_written(
    browse: Browse, conversation: Conversation
) -> None:
    save_macro(actor=SYSTEM, user=None, name="Solve it all", steps=[{"do": "state", "with": "solved"}])
    page = at(browse, conversation)
    held: list[Any] = []
    page.route("**/draft/", lambda route: route.continue_() if held else held.append(route))
    page.keyboard.type("Not yet")
    with page.expect_request("**/draft/"):
        pass
    page.locator("details[data-panel$='/macros/'] > summary").click()
    page.get_by_role("button", name="Solve it all").click()
    page.wait_for_timeout(400)
    assert Conversation.objects.get(pk=conversation.pk).state == State.OPEN
    held[0].continue_()
    page.locator(".conv-meta .state[data-state=solved]").wait_for()
    assert Delivery.objects.count() == 0
    assert page.locator("#text").input_value() == "Not yet"


def test_the_length_is_counted_and_the_parts_are_shown(browse: Browse, conversation: Conversation) -> None:
    type(conversation.account).objects.update(options={"imitates": "bluesky"})
    page = at(browse, conversation)
    page.keyboard.insert_text("word " * 70)
    page.locator("[data-count]", has_text="2 parts").wait_for()
    page.locator("details[data-panel$='/preview/'] > summary").click()
    page.locator(".preview-part").nth(1).wait_for()
    assert "2/2" in page.locator(".preview-part").nth(1).inner_text()


def test_an_answer_leaves_another_way(browse: Browse, conversation: Conversation) -> None:
    builders.make_account(conversation.team, kind="email", name="Support")
    Identity.objects.create(contact=conversation.contact, kind="email", address="ada@home.example")
    page = at(browse, conversation)
    page.locator("details[data-panel$='/roads/'] > summary").click()
    page.locator("[data-road]", has_text="ada@home.example").click()
    page.keyboard.type("By mail then")
    saved(page)
    page.reload()
    assert "ada@home.example" in page.locator("[data-road-label]").inner_text()
    page.locator("[data-send]").click()
    page.wait_for_url("**sent=*")
    page.locator(".toast[data-undo] button").click()
    page.wait_for_url(f"**/conversations/{conversation.pk}/?draft=*")
    assert page.locator("#text").input_value() == "By mail then"
    assert Delivery.objects.get().state == DeliveryState.CANCELLED


def test_a_saved_reply_without_a_script(browse: Browse, conversation: Conversation, replies: None) -> None:
    page = browse(f"/conversations/{conversation.pk}/", java_script_enabled=False)
    page.locator("#text").fill("Hello,")
    page.locator("[data-pick-at='/']").click()
    page.locator(".hit", has_text="Parcel").get_by_role("button", name="Insert").click()
    assert page.locator("#text").input_value() == "Hello,\n\nYour parcel left, Ada."
    page.locator("[data-send]").click()
    page.locator(".toast[data-undo]").wait_for()
    assert page.locator("#text").input_value() == ""


@pytest.mark.parametrize("width", [360, 390, 1440])
def test_nothing_is_wider_than_the_screen_and_nothing_lies_upon_another(
    browse: Browse, conversation: Conversation, replies: None, site: Any, width: int
) -> None:
    page = at(browse, conversation, viewport={"width": width, "height": 800})
    page.keyboard.type("x")
    fits = "document.documentElement.scrollWidth <= innerWidth"
    assert page.evaluate(fits)
    boxes = page.locator(".composer-foot > *:visible, .composer-top > *:visible").evaluate_all(
        "all => all.map((one) => one.getBoundingClientRect()).map((r) => [r.left, r.top, r.right, r.bottom])"
    )
    for number, (left, top, right, bottom) in enumerate(boxes):
        for other in boxes[number + 1 :]:
            apart = right <= other[0] + 1 or other[2] <= left + 1 or bottom <= other[1] + 1 or other[3] <= top + 1
            assert apart, ((left, top, right, bottom), other)
    for path in ("/replies/", "/replies/new/", "/macros/", "/macros/new/", "/drafts/"):
        page.goto(site.url + path)
        assert page.evaluate(fits), path


def test_a_file_that_cannot_come_along_is_told_in_words_and_the_page_stays(
    browse: Browse, conversation: Conversation
) -> None:
    page = at(browse, conversation)
    dropped = page.evaluate_handle("""() => {
        const data = new DataTransfer();
        data.items.add(new File(["x"], "a.txt", { type: "text/plain" }));
        return data;
    }""")
    page.dispatch_event("#text", "drop", {"dataTransfer": dropped})
    page.locator(".toast[data-tone=bad]", has_text="This channel takes no files").wait_for()
    page.locator(".seg label", has_text="Note").click()
    page.dispatch_event("#text", "drop", {"dataTransfer": dropped})
    page.locator(".toast[data-tone=bad]", has_text="A note takes no files").wait_for()
    assert Draft.objects.count() == 0


@pytest.mark.parametrize("width", [1280, 390])
def test_a_public_complaint_is_taken_private_in_one_action(
    browse: Browse, conversation: Conversation, width: int
) -> None:
    Conversation.objects.filter(pk=conversation.pk).update(is_public=True, thread_key="post:1")
    conversation.messages.update(facts={"id": "m1"}, message_id="m1", author_address="ada")
    page = at(browse, conversation, viewport={"width": width, "height": 800})
    assert page.get_by_text("Everybody will read this answer.").is_visible()
    assert not page.get_by_label("And in public").is_visible()
    page.get_by_role("button", name="Take it private").click()
    assert page.get_by_text("Only the customer will read this answer.").is_visible()
    assert not page.get_by_text("Everybody will read this answer.").is_visible()
    page.keyboard.type("Which line is it?")  # the text has the focus
    page.get_by_label("And in public").fill("We wrote to you.")
    page.locator("[data-send]").click()
    page.wait_for_url(lambda url: "all=1" in url)
    assert page.locator(".timeline").get_by_text("Which line is it?").is_visible()
    assert page.locator(".timeline").get_by_text("We wrote to you.").is_visible()
    told = dict(Delivery.objects.values_list("message__text", "message__conversation__is_public"))
    assert told == {"Which line is it?": False, "We wrote to you.": True}
