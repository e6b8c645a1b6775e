"""The first two minutes in a real browser, against real mail servers: from nothing to a first mail in the queue."""

import re
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from django.db import connections
from playwright.sync_api import Page, expect

from comptoir.accounts.models import User
from comptoir.channels.models import ChannelAccount
from comptoir.testing import builders
from comptoir.testing.browser import Site, running_chromium, running_site
from comptoir.testing.mailserver import PASSWORDS, SUPPORT, MailServers, running_mail_servers

pytestmark = [pytest.mark.browser, pytest.mark.servers, pytest.mark.django_db(transaction=True)]


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
    expect(page.get_by_text("Nothing has come yet")).to_be_visible()
    # That a mail comes in by itself is tried with the channel; here it is there, and the page finds it.
    builders.make_conversation(ChannelAccount.objects.get(), subject="A first message")
    expect(page.get_by_text("It has arrived")).to_be_visible()
    link = page.get_by_role("link", name="A first message", exact=True)
    expect(link).to_have_attribute("href", re.compile(r"/conversations/\d+/"))
