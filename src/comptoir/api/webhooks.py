"""Outgoing webhooks: made and changed by administrators, and the only writer of their log.

The log row is the job. What a webhook hears is what the person who made it may see, when it happens and again when it
is sent (INV-06). dispatch.py turns events into rows and sends them.
"""

import secrets
from collections.abc import Sequence

from django.db import transaction
from django.utils.translation import gettext as _

from comptoir.accounts.models import User
from comptoir.api import rules
from comptoir.api.models import Webhook, WebhookCall
from comptoir.core import clock, crypto
from comptoir.core.errors import Conflict, InputError
from comptoir.core.textfold import clean
from comptoir.journal import services as journal
from comptoir.journal.horizon import drawn_id
from comptoir.journal.services import Actor

KINDS = (
    "message.received", "reply.queued", "reply.cancelled", "reply.sent", "reply.delivered", "reply.failed",
    "reply.unconfirmed", "note.added", "conversation.created", "conversation.assigned", "conversation.transferred",
    "conversation.state_changed", "conversation.priority_changed", "conversation.woke", "conversation.merged",
    "conversation.split", "conversation.moved", "conversation.unmerged", "account.connected", "account.changed",
    "conversation.labelled", "conversation.fields_changed", "conversation.linked", "conversation.unlinked",
    "contact.fields_changed", "record.replayed", "contact.merged", "contact.unmerged", "contact.changed",
    "person.created", "macro.applied", "conversation.continued", "conversation.exported", "conversation.imported",
    "rule.notified",
)  # fmt: skip


@transaction.atomic
def create_webhook(*, actor: Actor, user: User, name: str, url: str, kinds: Sequence[str] = ()) -> tuple[Webhook, str]:
    """Make a webhook that hears from now on, and return it with its signing secret, which is shown once.

    `kinds` empty: all kinds. Raises InputError.
    """
    secret = "whsec_" + secrets.token_urlsafe(32)
    webhook = Webhook(
        name=_checked_name(name),
        url=rules.checked_url(url),
        kinds=_checked_kinds(kinds),
        user=user,
        secret=crypto.encrypt_mapping({"secret": secret}),
        last_event_id=drawn_id(),
    )
    webhook.save()
    journal.append(actor=actor, kind="webhook.created", facts={"webhook": webhook.pk, "name": webhook.name})
    return webhook, secret


@transaction.atomic
def change_webhook(
    *, actor: Actor, webhook: Webhook, name: str, url: str, kinds: Sequence[str], is_active: bool
) -> Webhook:
    """Change a webhook. One that is switched on again hears from then on; what was due before is still sent."""
    row = Webhook.objects.select_for_update().get(pk=webhook.pk)
    if is_active and not row.is_active:
        row.last_event_id = drawn_id()
    row.name, row.url, row.kinds = _checked_name(name), rules.checked_url(url), _checked_kinds(kinds)
    row.is_active = is_active
    row.save()
    facts = {"webhook": row.pk, "name": row.name, "active": is_active}
    journal.append(actor=actor, kind="webhook.changed", facts=facts)
    return row


@transaction.atomic
def delete_webhook(*, actor: Actor, webhook: Webhook) -> None:
    """Remove a webhook with its log."""
    facts = {"webhook": webhook.pk, "name": webhook.name}
    webhook.delete()
    journal.append(actor=actor, kind="webhook.deleted", facts=facts)


@transaction.atomic
def replay_call(*, actor: Actor, call: WebhookCall) -> WebhookCall:
    """Send a finished call once more, with all its attempts. Raises Conflict while it is still on its way."""
    row = WebhookCall.objects.select_for_update().get(pk=call.pk)
    if row.state == WebhookCall.State.DUE:
        raise Conflict(_("This call is still on its way."))
    row.state, row.attempts, row.due_at, row.finished_at = WebhookCall.State.DUE, 0, clock.now(), None
    row.save(update_fields=["state", "attempts", "due_at", "finished_at"])
    journal.append(actor=actor, kind="webhook.replayed", facts={"webhook": row.webhook_id, "event": row.event_id})
    return row


def signing_secret(webhook: Webhook) -> str:
    """Return the secret that signs this webhook's requests, for the sender alone (INV-08)."""
    return crypto.decrypt_mapping(bytes(webhook.secret))["secret"]


def _checked_name(name: str) -> str:
    name = " ".join(clean(name).split())
    if not name or len(name) > 120:
        raise InputError(_("Give the webhook a name of at most 120 characters."), field="name")
    return name


def _checked_kinds(kinds: Sequence[str]) -> list[str]:
    unknown = sorted(set(kinds) - set(KINDS))
    if unknown:
        raise InputError(_("There is no event “%(kind)s”.") % {"kind": unknown[0][:60]}, field="kinds")
    return sorted(set(kinds))
