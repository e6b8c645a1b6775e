"""The first two minutes in a real browser, against real mail servers: from nothing to a first mail in the queue."""

import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from django.db import connections
from playwright.sync_api import Page, expect

from comptoir import worker
from comptoir.accounts.models import User
from comptoir.channels.email.watching import watch
from comptoir.channels.models import ChannelAccount
from comptoir.testing.browser import Site, running_chromium, running_site
from comptoir.testing.mailserver import PASSWORDS, SUPPORT, MailServers, running_mail_servers

pytestmark = [pytest.mark.browser, pytest.mark.servers, pytest.mark.django_db(transaction=True)]
MAIL = (
    b"From: ada@customer.test\r\nTo: support@brand.test\r\nSubject: A first message\r\n"
    b"Message-ID: <f@customer.test>\r\nDate: Thu, 26 Nov 2026 10:00:00 +0000\r\n\r\nHello\r\n"
)


@pytest.fixture
def world(db: None) -> Iterator[tuple[Site, Page, MailServers]]:
    with ExitStack() as stack:
        mail = stack.enter_context(running_mail_servers())
        browser = stack.enter_context(running_chromium())
        site = stack.enter_context(running_site())
        page = browser.new_page(locale="en-GB")
        page.set_default_timeout(20_000)
        yield site, page, mail
        page.context.close()  # before the server: its live stream ends
        connections.close_all()  # while Playwright's loop runs: connections are kept apart by it


def digest(account_id: int, stop: threading.Event) -> None:
    """Watch the mailbox and digest what comes, as the worker does."""
    try:
        watch(account_id, stop.is_set)
    finally:
        connections.close_all()


def test_from_nothing_to_a_first_message(world: tuple[Site, Page, MailServers]) -> None:
    site, page, mail = world
    page.goto(site.url)
    page.get_by_label("Organisation").fill("Brand")
    page.get_by_label("Your name").fill("Ada Martin")
    page.get_by_label("Your e-mail address").fill("ada@brand.test")
    page.get_by_label("Password").fill("three words easily")
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("heading", name="Connect a mailbox")).to_be_visible()
    assert User.objects.get().is_admin
    page.get_by_label("Address of the mailbox").fill(SUPPORT)
    page.get_by_label("Address of the mailbox").press("Tab")
    expect(page.get_by_label("IMAP server")).to_have_value("imap.brand.test")
    page.get_by_label("IMAP server").fill("127.0.0.1")
    page.get_by_label("IMAP port").fill(str(mail.imap))
    page.get_by_label("IMAP security").select_option("none")
    page.get_by_label("SMTP server").fill("")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Connect and try").click()
    expect(page.get_by_text("refuses this user name and password")).to_be_visible()
    page.get_by_role("link", name="Change the settings").click()
    page.get_by_label("Password").fill(PASSWORDS[SUPPORT])
    page.get_by_role("button", name="Save and try again").click()
    expect(page.get_by_text("Everything works")).to_be_visible()
    account, stop = ChannelAccount.objects.get(), threading.Event()
    watcher = threading.Thread(target=digest, args=(account.pk, stop), daemon=True)
    watcher.start()
    try:
        expect(page.get_by_text("Nothing has come yet")).to_be_visible()
        page.wait_for_timeout(1500)  # the watcher notes where the mailbox ends: only what is new counts
        mail.deliver(MAIL)
        page.wait_for_timeout(1500)
        worker.digest_all()
        expect(page.get_by_text("It has arrived")).to_be_visible()
        page.get_by_role("link", name="A first message", exact=True).click()
        expect(page).to_have_url(re.compile(r"/conversations/\d+/"))
    finally:
        stop.set()
        watcher.join(20)
        assert not watcher.is_alive()
