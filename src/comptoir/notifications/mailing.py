"""Notifications by e-mail: what is due and unread, one mail a person, in their language and zone.

Never twice: rows are claimed by compare-and-set and committed before anything is sent. Where no server takes the mail
at all they are put back; a doubt after that loses a mail, which is the lesser evil: the page still has it.
"""

import logging
import smtplib
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation

from comptoir.accounts.models import User
from comptoir.notifications import words
from comptoir.notifications.models import Notification
from comptoir.notifications.queries import Line, due_mails, lines_to_mail
from comptoir.notifications.services import zone_of

logger = logging.getLogger(__name__)

BATCH = 200  # notifications of one round
AGAIN = timedelta(minutes=10)  # after a mail server that did not answer


def mail_due(*, at: datetime) -> int:
    """Mail what is due; return the number of mails. Safe to run in several workers at once."""
    ids = _claim(at)
    if not ids:
        return 0
    lines = sorted(lines_to_mail(ids), key=lambda line: (line.user_id, line.conversation_id, line.event_id))
    people = User.objects.in_bulk({line.user_id for line in lines})
    mails = [
        _mail(people[user_id], list(theirs))
        for user_id, theirs in groupby(lines, key=lambda line: line.user_id)
        if people[user_id].is_active
    ]
    if not mails:
        return 0
    sender: BaseEmailBackend = get_connection()
    try:
        sender.open()
    except (OSError, smtplib.SMTPException) as error:
        logger.warning("notifications: the mail server does not answer (%s); trying again", error)
        Notification.objects.filter(pk__in=ids).update(mailed_at=None, mail_at=at + AGAIN)
        return 0
    try:
        return sum(_send(sender, mail) for mail in mails)
    finally:
        sender.close()


@transaction.atomic
def _claim(at: datetime) -> list[int]:
    """Take what is due: whoever comes later finds nothing. Returns the ids of the notifications."""
    ids = [number for number, _user in due_mails(at, BATCH)]
    Notification.objects.filter(pk__in=ids, mailed_at__isnull=True).update(mailed_at=at)
    return ids


def _send(sender: BaseEmailBackend, mail: EmailMultiAlternatives) -> bool:
    try:
        return bool(sender.send_messages([mail]))
    except (OSError, smtplib.SMTPException) as error:
        logger.warning("notifications: a mail to %s was not taken: %s", mail.to[0], error)
        return False


def _mail(user: User, lines: Sequence[Line]) -> EmailMultiAlternatives:
    """Write the mail of one person: plain text, and the same as simple HTML."""
    with translation.override(user.language), timezone.override(zone_of(user.time_zone)):
        groups = [
            {"title": theirs[0].title, "items": [_item(line) for line in theirs]}
            for _number, found in groupby(lines, key=lambda line: line.conversation_id)
            if (theirs := list(found))
        ]
        preferences = settings.PUBLIC_URL + reverse("notification_preferences")
        context = {"user": user, "groups": groups, "preferences": preferences, "language": user.language}
        mail = EmailMultiAlternatives(
            " ".join(words.subject(list(lines)).split())[:200],
            render_to_string("notifications/mail.txt", context),
            to=[user.email],
            # RFC 2369 and RFC 3834: how to stop these, and that no machine should answer.
            headers={"List-Unsubscribe": f"<{preferences}>", "Auto-Submitted": "auto-generated"},
        )
        mail.attach_alternative(render_to_string("notifications/mail.html", context), "text/html")
        return mail


def _item(line: Line) -> dict[str, object]:
    address = settings.PUBLIC_URL + reverse("notification", args=[line.id])
    return {"sentence": words.sentence(line), "detail": words.detail(line), "at": line.at, "address": address}
