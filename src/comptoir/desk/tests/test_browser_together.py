"""Two agents at once in two browsers: who is there, who types, who comes second; and the bell."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from comptoir.accounts.models import Role, User
from comptoir.accounts.services import actor_of
from comptoir.conversations.models import Conversation
from comptoir.conversations.services import assign_conversation
from comptoir.notifications.services import run_once
from comptoir.outbound.models import Delivery
from comptoir.testing import builders

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    from comptoir.testing.browser import running_chromium

    with running_chromium() as browser:
        yield browser


@pytest.fixture
def site() -> Iterator[Any]:
    from comptoir.testing.browser import running_site

    with running_site() as running:
        yield running
    connections.close_all()


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


@pytest.fixture
def browse(chromium: Any, site: Any) -> Iterator[Callable[..., Any]]:
    """Open an address in a profile of the person's own; the page fails on any script error."""
    contexts = []
    troubles: list[str] = []

    def browse(user: User, path: str, **options: Any) -> Any:
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 800}, "locale": "en-GB", **options})
        contexts.append(context)
        client = Client()
        client.force_login(user)
        context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": site.url}])
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda message: troubles.append(message.text) if "Security Policy" in message.text else None)
        page.goto(site.url + path)
        return page

    yield browse
    for context in contexts:
        context.close()
    assert troubles == []


def test_two_people_see_each_other_look_type_and_leave(
    browse: Callable[..., Any], ada: User, tom: User, conversation: Conversation
) -> None:
    path = f"/conversations/{conversation.pk}/"
    first, second = browse(ada, path), browse(tom, path)
    line = first.locator("#here")
    line.get_by_text("Tom Okafor is looking at this conversation too").wait_for()
    second.get_by_text("Ada Admin is looking").wait_for()
    second.locator("#text").press_sequentially("I am on it")
    line.get_by_text("Tom Okafor is writing here").wait_for()
    second.close()
    line.wait_for(state="hidden")


def test_the_queue_shows_what_somebody_has_open(
    browse: Callable[..., Any], ada: User, tom: User, conversation: Conversation
) -> None:
    queue = browse(ada, "/")
    page = browse(tom, f"/conversations/{conversation.pk}/")
    sign = queue.get_by_role("img", name="Tom Okafor has it open")
    sign.wait_for()
    page.close()
    sign.wait_for(state="detached")


@pytest.mark.parametrize("width", [1440, 390])
def test_when_two_answer_at_once_the_second_is_told_and_loses_nothing(
    browse: Callable[..., Any], ada: User, tom: User, conversation: Conversation, width: int
) -> None:
    path = f"/conversations/{conversation.pk}/"
    first, second = browse(ada, path), browse(tom, path, viewport={"width": width, "height": 844})
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
    browse: Callable[..., Any], ada: User, tom: User, conversation: Conversation
) -> None:
    from playwright.sync_api import expect

    run_once()
    page = browse(tom, "/contacts/")
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


def test_a_reminder_is_set_in_the_side_panel(browse: Callable[..., Any], ada: User, conversation: Conversation) -> None:
    page = browse(ada, f"/conversations/{conversation.pk}/")
    page.get_by_text("Follow and be reminded").click()
    page.get_by_label("Remind me of").fill("Call back")
    page.get_by_role("button", name="Tomorrow morning").last.click()
    page.locator(".remind-list").get_by_text("Call back").wait_for()
    page.get_by_role("button", name="Follow this conversation").click()
    page.get_by_text("You follow this conversation.").wait_for()
