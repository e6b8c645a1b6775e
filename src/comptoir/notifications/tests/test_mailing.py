"""Notifications by mail: of what is unread, in the person's language, and never twice."""

import smtplib
import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection

from comptoir.accounts.models import Membership, User
from comptoir.core import clock
from comptoir.journal import services as journal
from comptoir.notifications import mailing
from comptoir.notifications.mailing import mail_due
from comptoir.notifications.models import Notification
from comptoir.notifications.rules import Hours
from comptoir.notifications.services import Choice, mark_read, run_once, set_preferences
from comptoir.notifications.tests.conftest import Cast
from comptoir.testing.builders import make_account, make_conversation, make_notification, make_team, make_user


def due(user: User, row: Any, **fields: Any) -> Notification:
    return make_notification(user, row, mail_at=clock.now() - timedelta(seconds=1), **fields)


def test_one_mail_a_person_with_all_that_is_due_and_links_that_lead_there(cast: Cast, settings: Any) -> None:
    settings.PUBLIC_URL = "https://desk.example"
    mention = due(cast.ada, cast.row, kind="mention", actor_name="Tom\nOkafor")
    due(cast.ada, cast.row, kind="reminder", words="Call <him>")
    assert mail_due(at=clock.now()) == 1
    sent = mail.outbox[0]
    assert isinstance(sent, mail.EmailMultiAlternatives)
    assert sent.to == [cast.ada.email]
    assert sent.subject == "2 notifications"
    assert f"https://desk.example/notifications/{mention.pk}/" in sent.body
    assert "Call <him>" in sent.body
    html = str(sent.alternatives[0][0])
    assert "Call &lt;him&gt;" in html
    assert "https://desk.example/me/notifications/preferences/" in html
    assert sent.extra_headers["List-Unsubscribe"] == "<https://desk.example/me/notifications/preferences/>"


def test_in_the_language_of_the_person(cast: Cast) -> None:
    User.objects.filter(pk=cast.ada.pk).update(language="fr")
    due(cast.ada, cast.row, kind="assigned", actor_name="Tom")
    mail_due(at=clock.now())
    assert "vous a attribué" in mail.outbox[0].subject


@pytest.mark.parametrize("way", ["read", "left the team", "not due yet", "inactive"])
def test_what_is_not_mailed(cast: Cast, way: str) -> None:
    row = due(cast.ada, cast.row)
    if way == "read":
        mark_read(user=cast.ada)
    elif way == "left the team":
        Membership.objects.filter(user=cast.ada).delete()
    elif way == "inactive":
        User.objects.filter(pk=cast.ada.pk).update(is_active=False)
    else:
        Notification.objects.filter(pk=row.pk).update(mail_at=clock.now() + timedelta(hours=1))
    assert mail_due(at=clock.now()) == 0
    assert mail.outbox == []


def test_never_twice(cast: Cast) -> None:
    due(cast.ada, cast.row)
    assert [mail_due(at=clock.now()) for _ in range(3)] == [1, 0, 0]


class _Away:
    """A mail server that nobody reaches, or that refuses what it is given."""

    def __init__(self, refuses: bool) -> None:
        self.refuses = refuses

    def open(self) -> None:
        if not self.refuses:
            raise ConnectionRefusedError("nobody there")

    def send_messages(self, messages: Any) -> int:
        raise smtplib.SMTPRecipientsRefused({})

    def close(self) -> None:
        """Close nothing."""


@pytest.mark.parametrize(("label", "refuses", "later"), [("away: it comes later", False, 1), ("refused", True, 0)])
def test_a_mail_server_in_trouble(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, label: str, refuses: bool, later: int
) -> None:
    due(cast.ada, cast.row)
    with monkeypatch.context() as patched:
        patched.setattr(mailing, "get_connection", lambda: _Away(refuses))
        assert mail_due(at=clock.now()) == 0
    assert mail_due(at=clock.now()) == 0  # not at once
    assert mail_due(at=clock.now() + timedelta(minutes=11)) == later, label


def test_the_follower_plans_the_mail_by_choice_and_rhythm(cast: Cast) -> None:
    choice = {"assigned": Choice(in_page=True, in_browser=False, mail="digest")}
    set_preferences(user=cast.ada, choices=choice, hours=Hours(digest="daily", digest_hour=7))
    journal.append(
        actor=journal.SYSTEM, kind="conversation.assigned", conversation_id=cast.row.pk, facts={"to": cast.ada.pk}
    )
    run_once()
    planned = Notification.objects.get().mail_at
    assert isinstance(planned, datetime)
    assert planned.minute == 0


def test_by_mail_alone_it_is_not_in_the_page(cast: Cast) -> None:
    choice = {"assigned": Choice(in_page=False, in_browser=False, mail="now")}
    set_preferences(user=cast.ada, choices=choice, hours=Hours())
    journal.append(
        actor=journal.SYSTEM, kind="conversation.assigned", conversation_id=cast.row.pk, facts={"to": cast.ada.pk}
    )
    run_once()
    assert Notification.objects.get().in_page is False
    assert mail_due(at=clock.now() + timedelta(minutes=2)) == 1


def test_without_a_mail_server_nothing_is_planned(cast: Cast, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    journal.append(
        actor=journal.SYSTEM, kind="conversation.assigned", conversation_id=cast.row.pk, facts={"to": cast.ada.pk}
    )
    run_once()
    assert Notification.objects.get().mail_at is None


@pytest.mark.django_db(transaction=True)
def test_two_workers_mail_once() -> None:
    team = make_team()
    row = make_conversation(make_account(team))
    for _ in range(15):
        due(make_user(team), row)

    def work() -> None:
        try:
            mail_due(at=clock.now())
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    addresses = [sent.to[0] for sent in mail.outbox]
    assert len(addresses) == len(set(addresses)) == 15
