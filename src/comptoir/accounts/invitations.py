"""Invitations: asked by an administrator, accepted once, within seven days, by whoever holds the link.

The link is a signature over the row's number, so it can be shown again to an administrator without being stored. Mail
is sent outside of any transaction, and its failure changes nothing: the link can be copied.
"""

from collections.abc import Sequence
from datetime import timedelta
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from comptoir.accounts.models import Invitation, Membership, Role, Team, User
from comptoir.accounts.queries import organisation
from comptoir.accounts.rules import INVITATION_FOR, Standing, standing
from comptoir.accounts.services import actor_of
from comptoir.core import clock, crypto
from comptoir.core.errors import InputError
from comptoir.journal import services as journal
from comptoir.journal.services import Actor

CONSOLE = "django.core.mail.backends.console.EmailBackend"


def link_of(invitation: Invitation) -> str:
    """Return the address that accepts an invitation: whoever has it, is let in."""
    token = crypto.sign_number(invitation.pk, key=crypto.derive_key("invitation"))
    return settings.PUBLIC_URL + reverse("invitation", kwargs={"token": token})


def invitation_of(token: str) -> Invitation | None:
    """Return the invitation behind a link, if the signature is ours; whether it still stands is `standing_of`."""
    number = crypto.verify_number(token, key=crypto.derive_key("invitation"))
    return None if number is None else Invitation.objects.filter(pk=number).first()


def standing_of(invitation: Invitation) -> Standing:
    """Return where an invitation stands now."""
    return standing(
        accepted_at=invitation.accepted_at, withdrawn_at=invitation.withdrawn_at, expires_at=invitation.expires_at,
        at=clock.now(),
    )  # fmt: skip


@transaction.atomic
def invite_person(*, actor: Actor, email: str, role: str, teams: Sequence[Team], language: str) -> Invitation:
    """Ask somebody to join; asking again renews the open invitation. Raises InputError for who is here already."""
    email = email.strip().lower()
    known = User.objects.filter(email=email).first()
    if known is not None:
        words = (
            _("%(name)s is here already.") if known.is_active else _("%(name)s has a closed account: open it again.")
        )
        raise InputError(words % {"name": known.name}, field="email")
    if role not in Role.values:
        raise InputError(_("Choose one from the list."), field="role")
    now = clock.now()
    values = {
        "role": role, "language": language, "invited_by_id": actor.id if actor.kind == "user" else None,
        "created_at": now, "expires_at": now + INVITATION_FOR,
    }  # fmt: skip
    row, _is_new = Invitation.objects.update_or_create(
        email=email, accepted_at=None, withdrawn_at=None, defaults=values
    )
    row.teams.set(teams)
    facts = {"invitation": row.pk, "email": email, "role": role, "teams": [team.pk for team in teams]}
    journal.append(actor=actor, kind="person.invited", facts=facts)
    return row


@transaction.atomic
def renew_invitation(*, actor: Actor, invitation: Invitation) -> Invitation:
    """Let a pending or expired invitation stand for seven more days. Raises InputError when it is over."""
    row = _open(invitation)
    row.expires_at = clock.now() + INVITATION_FOR
    row.save(update_fields=["expires_at"])
    journal.append(actor=actor, kind="person.invited", facts={"invitation": row.pk, "email": row.email, "again": True})
    return row


@transaction.atomic
def withdraw_invitation(*, actor: Actor, invitation: Invitation) -> None:
    """Take an invitation back: its link opens nothing any more."""
    row = _open(invitation)
    row.withdrawn_at = clock.now()
    row.save(update_fields=["withdrawn_at"])
    facts = {"invitation": row.pk, "email": row.email}
    journal.append(actor=actor, kind="person.invitation_withdrawn", facts=facts)


def _open(invitation: Invitation) -> Invitation:
    row = Invitation.objects.select_for_update().get(pk=invitation.pk)
    if row.accepted_at or row.withdrawn_at:
        raise InputError(_("This invitation was accepted or withdrawn already."))
    return row


@transaction.atomic
def accept_invitation(*, invitation: Invitation, name: str, password: str, language: str, time_zone: str) -> User:
    """Make the invited person a member of staff, once. Raises InputError when the invitation stands no more."""
    row = Invitation.objects.select_for_update().get(pk=invitation.pk)
    if standing_of(row) is not Standing.PENDING or User.objects.filter(email=row.email).exists():
        raise InputError(_("This invitation stands no more. Ask for a new one."))
    user = User.objects.create_user(
        row.email, password, name=name, role=row.role, language=language, time_zone=time_zone
    )
    teams = list(row.teams.values_list("pk", flat=True))
    Membership.objects.bulk_create([Membership(user=user, team_id=team) for team in teams])
    row.accepted_at = clock.now()
    row.save(update_fields=["accepted_at"])
    facts = {"user": user.pk, "name": name, "role": row.role, "teams": teams, "invitation": row.pk}
    journal.append(actor=actor_of(user), kind="person.created", facts=facts)
    return user


def send_invitation(invitation: Invitation) -> str:
    """Mail the link in the invited person's language; return '' when it left, else in words why it did not."""
    if settings.EMAIL_BACKEND == CONSOLE:
        return _("No mail server is set up (COMPTOIR_SMTP_HOST): copy the link and send it yourself.")
    by = invitation.invited_by
    context = {
        "link": link_of(invitation), "organisation": organisation().name, "by": by.name if by else "",
        "days": INVITATION_FOR // timedelta(days=1),
    }  # fmt: skip
    with translation.override(invitation.language):
        subject = " ".join(render_to_string("account/email/invitation_subject.txt", context).split())
        text = render_to_string("account/email/invitation_message.txt", context)
    try:
        send_mail(subject, text, None, [invitation.email])
    except (SMTPException, OSError) as error:
        words = _("The mail could not be sent (%(why)s): copy the link and send it yourself.")
        return words % {"why": str(error)[:200]}
    return ""
