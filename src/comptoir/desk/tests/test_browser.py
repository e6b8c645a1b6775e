"""The desk in a real browser: live, by keyboard, without JavaScript, and on a phone."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from comptoir.accounts.models import User
from comptoir.contacts import fields
from comptoir.conversations import labelling
from comptoir.conversations.models import Conversation, State
from comptoir.journal import services as journal
from comptoir.outbound.models import Delivery, DeliveryState
from comptoir.testing import builders

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def _announce(conversation: Conversation, **message: Any) -> None:
    """Let a message arrive as the pipeline would: with its event, which wakes the desks."""
    with transaction.atomic():
        if message:
            builders.make_message(conversation, **message)
        journal.append(actor=journal.SYSTEM, kind="message.received", conversation_id=conversation.pk)


def test_a_new_conversation_appears_by_itself_and_what_was_picked_stays_picked(
    browse: Callable[..., Any], conversation: Conversation
) -> None:
    page = browse("/")
    page.wait_for_selector(".live[data-live=online]")
    page.locator(".q-check input").check(force=True)
    _announce(builders.make_conversation(conversation.account, subject="Something new"))
    page.get_by_text("Something new").wait_for()
    assert page.locator(".q-check input:checked").count() == 1
    assert page.locator("#nav-waiting").inner_text() == "2"


def test_more_rows_come_on_request_and_stay_through_live_updates(
    browse: Callable[..., Any], conversation: Conversation
) -> None:
    for number in range(59):
        builders.make_conversation(conversation.account, subject=f"n{number}")
    page = browse("/")
    page.wait_for_selector(".live[data-live=online]")
    page.locator("#more a").click()
    page.locator(".q-row").nth(59).wait_for(state="attached")
    assert page.locator(".q-row").count() == 60
    _announce(builders.make_conversation(conversation.account, subject="Something new"))
    page.get_by_text("Something new").wait_for(state="attached")
    assert page.locator(".q-row").count() == 61


def test_an_open_conversation_grows_and_what_is_being_written_is_not_lost(
    browse: Callable[..., Any], conversation: Conversation
) -> None:
    page = browse(f"/conversations/{conversation.pk}/")
    page.wait_for_selector(".live[data-live=online]")
    page.locator("#text").fill("Half a sent")
    _announce(conversation, text="One more thing")
    page.get_by_text("One more thing").wait_for()
    assert page.locator("#text").input_value() == "Half a sent"
    page.reload()
    assert page.locator("#text").input_value() == "Half a sent"


def test_a_reply_is_sent_taken_back_and_its_text_returns(
    browse: Callable[..., Any], conversation: Conversation
) -> None:
    page = browse(f"/conversations/{conversation.pk}/")
    page.locator("#text").fill("We are on our way.")
    page.locator("#text").press("Control+Enter")
    page.locator(".toast[data-undo]").wait_for()
    assert page.locator("#text").input_value() == ""
    assert Delivery.objects.get().state == DeliveryState.QUEUED
    page.locator(".toast[data-undo] button").click()
    page.wait_for_url("**draft=*")
    assert page.locator("#text").input_value() == "We are on our way."
    assert Delivery.objects.get().state == DeliveryState.CANCELLED


def test_a_refused_reply_is_told_in_words_and_nothing_is_lost(
    browse: Callable[..., Any], conversation: Conversation
) -> None:
    page = browse(f"/conversations/{conversation.pk}/")
    page.locator("#text").fill("Please look at this")
    type(conversation.account).objects.update(is_active=False)  # an administrator is faster
    page.locator("#composer .btn-primary").first.click()
    page.locator(".toast[data-tone=bad]").wait_for()
    assert page.locator("#text").input_value() == "Please look at this"


def test_taking_and_solving_by_keyboard(browse: Callable[..., Any], conversation: Conversation) -> None:
    page = browse("/")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/conversations/*/")
    page.keyboard.press("t")
    page.locator(".toast").wait_for()
    page.keyboard.press("e")
    page.locator(".conv-meta .state[data-state=solved]").wait_for()
    found = Conversation.objects.get(pk=conversation.pk)
    assert (found.state, found.assignee is not None) == (State.SOLVED, True)


def test_remote_images_are_fetched_only_after_a_click(browse: Callable[..., Any], conversation: Conversation) -> None:
    builders.make_message(conversation, html='<p>Hi</p><img data-remote-src="https://tracker.invalid/p.png">')
    page = browse(f"/conversations/{conversation.pk}/")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.locator("details.fold:has(iframe) > summary").click()
    page.frame_locator("iframe.mail-frame").get_by_text("Hi").wait_for()
    assert not any("tracker" in url for url in asked)
    with page.expect_request("https://tracker.invalid/p.png"):
        page.locator("[data-images]").click()


def test_everything_works_without_javascript(browse: Callable[..., Any], conversation: Conversation) -> None:
    page = browse("/", java_script_enabled=False)
    page.get_by_role("link", name="No dial tone").click()
    page.locator("#text").fill("Written without a script")
    page.locator("#composer .btn-primary").first.click()
    page.locator(".toast[data-undo] button").click()
    assert page.locator("#text").input_value() == "Written without a script"
    page.locator("[data-key=e]").click()
    assert page.locator(".conv-meta .state").inner_text().strip() == "Solved"
    page.locator("#snooze-menu > summary").click()
    page.get_by_role("button", name="Tomorrow morning").click()
    assert Conversation.objects.get(pk=conversation.pk).state == State.SNOOZED


def test_many_are_labelled_from_the_toolbar_and_it_is_undone_by_a_key(
    browse: Callable[..., Any], conversation: Conversation
) -> None:
    label = labelling.create_label(actor=journal.SYSTEM, name="Outage", colour="red")
    builders.make_conversation(conversation.account, subject="The second")
    page = browse("/")
    page.wait_for_function("document.querySelector('time[data-wait]').title")  # the scripts have run
    page.keyboard.press("j")
    page.keyboard.press("Shift+A")
    assert page.locator("[data-picked]").inner_text() == "2"
    page.locator(".q-bulk summary", has_text="Label").click()
    page.locator(f".q-bulk button[value='add:{label.pk}']").click()
    page.locator(".toast[data-watched]").wait_for()  # the scripts have run
    assert page.locator(".q-row .label-tag").count() == 2
    page.keyboard.press("Shift+Z")
    page.get_by_text("2 conversations restored.").wait_for()
    assert page.locator(".q-row .label-tag").count() == 0


def test_labels_and_fields_are_set_beside_the_conversation(
    browse: Callable[..., Any], conversation: Conversation
) -> None:
    labelling.create_label(actor=journal.SYSTEM, name="Outage", colour="red")
    fields.create_field(actor=journal.SYSTEM, subject="conversation", name="Offer", kind="text")
    page = browse(f"/conversations/{conversation.pk}/")
    page.wait_for_selector(".live[data-live=online]")
    page.keyboard.press("l")
    page.get_by_label("Outage").check()
    page.locator("#label-panel button").click()
    page.locator(".conv-meta .label-tag", has_text="Outage").wait_for()
    page.get_by_label("Offer").fill("Fibre")
    page.get_by_label("Offer").press("Tab")
    page.locator(".own-fields .ok").wait_for()
    conversation.refresh_from_db()
    assert conversation.fields == {"offer": "Fibre"}
    page.locator("h1").click()
    with page.expect_response("**/labels/"):
        page.keyboard.press("l")
    page.locator("#label-panel input[checked]").wait_for()


def test_next_claims_by_key_and_a_view_says_what_it_would_hold(
    browse: Callable[..., Any], conversation: Conversation, agent: User
) -> None:
    page = browse("/views/new/")
    page.get_by_text("1 conversation now").wait_for()
    page.get_by_label("Words of the subject").fill("nothing like it")
    page.get_by_text("0 conversations now").wait_for()
    page.locator("h1").click()
    page.goto(page.url.replace("/views/new/", "/"))
    page.keyboard.press("n")
    page.wait_for_url(f"**/conversations/{conversation.pk}/")
    assert Conversation.objects.get(pk=conversation.pk).assignee == agent


def test_views_labels_and_the_toolbar_work_without_javascript(
    browse: Callable[..., Any], conversation: Conversation
) -> None:
    label = labelling.create_label(actor=journal.SYSTEM, name="Outage", colour="red")
    page = browse("/views/new/", java_script_enabled=False)
    page.get_by_label("Name").fill("Outages")
    page.get_by_label("Outage").check(force=True)
    page.get_by_role("button", name="Save the view").click()
    assert page.locator("h1").inner_text() == "Outages"
    page.goto(page.url.partition("?")[0])
    page.locator(".q-check input").check(force=True)
    page.locator(".q-bulk summary", has_text="Label").click()
    page.get_by_role("button", name="Choose…").click()
    page.locator(f"button[value='add:{label.pk}']").click()
    assert page.locator(".q-row .label-tag").inner_text() == "Outage"


@pytest.mark.parametrize("width", [360, 1024, 1440])
def test_no_page_is_wider_than_the_screen(
    browse: Callable[..., Any], agent: User, conversation: Conversation, site: Any, width: int
) -> None:
    builders.make_message(conversation, text="x" * 400 + " https://example.org/" + "y" * 300)
    builders.make_record(conversation.account, reason="z" * 300)
    page = browse("/", viewport={"width": width, "height": 800})
    own = [f"/conversations/{conversation.pk}/", f"/contacts/{conversation.contact_id}/"]
    own.append(f"/channels/{conversation.account_id}/")
    own += [f"/conversations/{conversation.pk}/reminders/", "/me/reminders/", "/me/notifications/preferences/"]
    builders.make_notification(agent, conversation, kind="mention", actor_name="z" * 100)
    builders.make_reminder(agent, conversation, words="w" * 200)
    paths = ["/", *own, "/search?q=tone", "/contacts/", "/intake/", "/channels/", "/me/", "/me/notifications/"]
    paths += ["/work/", "/views/", "/views/new/", "/settings/labels/", "/settings/fields/"]
    for path in paths:
        page.goto(site.url + path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
