"""Two agents at once in two browsers: who is there, who types, who comes second; and the bell."""

from collections.abc import Callable
from typing import Any

import pytest

from comptoir.accounts.models import Role, User
from comptoir.accounts.services import actor_of
from comptoir.conversations.models import Conversation
from comptoir.conversations.services import assign_conversation
from comptoir.notifications.services import run_once
from comptoir.outbound.models import Delivery
from comptoir.testing import builders

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def ada(db: None) -> User:
    return builders.make_user(builders.make_team("Service"), name="Ada Admin", role=Role.ADMIN)


@pytest.fixture
def tom(ada: User) -> User:
    return builders.make_user(ada.teams.get(), name="Tom Okafor")


@pytest.fixture
def conversation(ada: User) -> Conversation:
    account = builders.make_account(ada.teams.get(), kind="sandbox", address="service@example.org")
    return builders.make_conversation(account, subject="No dial tone")


def test_two_people_see_each_other_look_type_and_leave(
    browse_as: Callable[..., Any], ada: User, tom: User, conversation: Conversation
) -> None:
    path = f"/conversations/{conversation.pk}/"
    first, second = browse_as(ada, path), browse_as(tom, path)
    line = first.locator("#here")
    line.get_by_text("Tom Okafor is looking at this conversation too").wait_for()
    second.get_by_text("Ada Admin is looking").wait_for()
    second.locator("#text").press_sequentially("I am on it")
    line.get_by_text("Tom Okafor is writing here").wait_for()
    second.close()
    line.wait_for(state="hidden")


def test_the_queue_shows_what_somebody_has_open(
    browse_as: Callable[..., Any], ada: User, tom: User, conversation: Conversation
) -> None:
    queue = browse_as(ada, "/")
    page = browse_as(tom, f"/conversations/{conversation.pk}/")
    sign = queue.get_by_role("img", name="Tom Okafor has it open")
    sign.wait_for()
    page.close()
    sign.wait_for(state="detached")


@pytest.mark.parametrize("width", [1440, 390])
def test_when_two_answer_at_once_the_second_is_told_and_loses_nothing(
    browse_as: Callable[..., Any], ada: User, tom: User, conversation: Conversation, width: int
) -> None:
    path = f"/conversations/{conversation.pk}/"
    first, second = browse_as(ada, path), browse_as(tom, path, viewport={"width": width, "height": 844})
    second.route("**/timeline/**", lambda route: route.abort())  # his page does not hear of hers in time
    first.locator("#text").fill("The first answer")
    second.locator("#text").fill("The second answer")
    first.get_by_role("button", name="Send", exact=True).click()
    first.locator(".toast[data-undo]").wait_for()
    second.get_by_role("button", name="Send", exact=True).click()
    notice = second.locator("#collision")
    notice.get_by_text("The first answer").wait_for()
    assert second.locator("#text").input_value() == "The second answer"
    assert Delivery.objects.count() == 1
    assert second.evaluate("document.documentElement.scrollWidth <= innerWidth")
    notice.get_by_role("button", name="Send anyway").click()
    second.locator(".toast[data-undo]").wait_for()
    assert notice.locator(".notice").count() == 0
    assert Delivery.objects.count() == 2


def test_the_bell_counts_tells_and_leads_there(
    browse_as: Callable[..., Any], ada: User, tom: User, conversation: Conversation
) -> None:
    from playwright.sync_api import expect

    run_once()
    page = browse_as(tom, "/contacts/")
    while page.evaluate("sessionStorage.getItem('notifications')") is None:  # the stream has said how many there are
        page.wait_for_timeout(50)
    assign_conversation(actor=actor_of(ada), conversation=conversation, assignee=tom)
    run_once()
    toast = page.locator(".toast-news")
    toast.get_by_text("Ada Admin gave you this conversation").wait_for()
    assert page.locator("[data-unread]").first.inner_text() == "1"
    toast.get_by_role("link", name="Open").click()
    page.wait_for_url(f"**/conversations/{conversation.pk}/")
    expect(page.locator("[data-unread]").first).to_have_text("")


def test_a_reminder_is_set_in_the_side_panel(
    browse_as: Callable[..., Any], ada: User, conversation: Conversation
) -> None:
    page = browse_as(ada, f"/conversations/{conversation.pk}/")
    page.get_by_text("Follow and be reminded").click()
    page.get_by_label("Remind me of").fill("Call back")
    page.get_by_role("button", name="Tomorrow morning").last.click()
    page.locator(".remind-list").get_by_text("Call back").wait_for()
    page.get_by_role("button", name="Follow this conversation").click()
    page.get_by_text("You follow this conversation.").wait_for()


HIDE = """() => {
  Object.defineProperty(document, "hidden", { value: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def test_tabs_in_the_background_leave_a_connection_for_the_next_page(
    browse_as: Callable[..., Any], ada: User, site: Any
) -> None:
    """A browser opens six connections to a server; an open stream for each of seven tabs would be one too many."""
    first = browse_as(ada, "/")
    for _ in range(7):
        tab = first.context.new_page()
        tab.clock.install()
        tab.goto(site.url + "/", timeout=10_000)
        tab.locator(".live[data-live=online]").wait_for(timeout=10_000)
        tab.evaluate(HIDE)
        tab.clock.fast_forward(21_000)
    first.goto(site.url + "/contacts/", timeout=10_000)
    first.locator(".live[data-live=online]").wait_for()
