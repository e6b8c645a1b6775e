"""What an event of the journal says, for the audit page: the actor's name goes before it.

A kind that has no sentence yet shows its technical name, which is still true; nothing is ever left out.
"""

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from comptoir.accounts.models import Role
from comptoir.desk.words import event_words
from comptoir.journal.models import Event

Facts = Mapping[str, Any]


def _role(facts: Facts, key: str) -> str:
    return str(dict(Role.choices).get(str(facts.get(key, "")), ""))


def _named(facts: Facts) -> dict[str, Any]:
    """Return what sentences may name of an event's facts; texts only, '' for what is missing."""
    names = ("name", "email", "team_name", "to_name", "issuer")
    return {name: str(facts.get(name, "")) for name in names} | {"role": _role(facts, "to") or _role(facts, "role")}


_SENTENCES: dict[str, tuple[str, Callable[[], str]]] = {
    "message.received": ("channel-email", lambda: _("wrote")),
    "reply.queued": ("reply", lambda: _("answered")),
    "reply.sent": ("send", lambda: _("sent a reply")),
    "reply.delivered": ("check", lambda: _("delivered a reply")),
    "note.added": ("note", lambda: _("added a note")),
    "conversation.created": ("plus", lambda: _("opened a conversation")),
    "contact.changed": ("contact", lambda: _("changed a contact")),
    "contact.claimed": ("contact", lambda: _("noted who a contact says they are")),
    "account.connected": ("plug", lambda: _("connected the channel %(name)s")),
    "account.changed": ("plug", lambda: _("changed the channel %(name)s")),
    "account.routed": ("move", lambda: _("let %(name)s deliver to the team %(to_name)s")),
    "record.replayed": ("retry", lambda: _("had records of the intake read again")),
    "person.created": ("contacts", lambda: _("made the account of %(name)s (%(role)s)")),
    "person.invited": ("send", lambda: _("invited %(email)s")),
    "person.invitation_withdrawn": ("x", lambda: _("withdrew the invitation of %(email)s")),
    "person.role_changed": ("shield", lambda: _("gave %(name)s the role “%(role)s”")),
    "person.deactivated": ("lock", lambda: _("closed the account of %(name)s")),
    "person.reactivated": ("key", lambda: _("opened the account of %(name)s again")),
    "person.linked": ("link", lambda: _("linked %(name)s to the single sign-on")),
    "person.totp_added": ("shield", lambda: _("set up an authenticator application")),
    "person.totp_removed": ("shield", lambda: _("removed the authenticator application")),
    "person.passkey_added": ("key", lambda: _("added a passkey")),
    "person.passkey_removed": ("key", lambda: _("removed a passkey")),
    "person.recovery_codes_drawn": ("key", lambda: _("drew new recovery codes")),
    "person.password_changed": ("lock", lambda: _("changed their password")),
    "person.second_factor_removed": ("shield", lambda: _("removed the second factor of %(name)s")),
    "session.ended": ("sign-out", lambda: _("ended sessions of %(name)s")),
    "team.created": ("teams", lambda: _("made the team %(name)s")),
    "team.changed": ("teams", lambda: _("changed the team %(name)s")),
    "team.deleted": ("delete", lambda: _("removed the team %(name)s")),
    "team.member_added": ("teams", lambda: _("put %(name)s into the team %(team_name)s")),
    "team.member_removed": ("teams", lambda: _("took %(name)s out of the team %(team_name)s")),
    "sign_on.changed": ("key", lambda: _("changed the single sign-on (%(issuer)s)")),
    "token.created": ("code", lambda: _("made the token %(name)s")),
    "token.revoked": ("code", lambda: _("revoked the token %(name)s")),
    "webhook.created": ("code", lambda: _("made the webhook %(name)s")),
    "webhook.changed": ("code", lambda: _("changed the webhook %(name)s")),
    "webhook.deleted": ("code", lambda: _("removed the webhook %(name)s")),
    "webhook.replayed": ("code", lambda: _("sent a call of the webhook %(name)s again")),
}  # fmt: skip


def audit_words(event: Event) -> dict[str, str]:
    """Return the icon and the predicate of an event."""
    if event.kind == "organisation.two_factor_required":
        required = bool(event.facts.get("required"))
        words = _("required a second factor of everybody") if required else _("made the second factor optional")
        return {"icon": "shield", "words": words}
    if found := _SENTENCES.get(event.kind):
        icon, words_of = found
        return {"icon": icon, "words": words_of() % _named(event.facts)}
    icon, words = event_words(event.kind, event.facts, event.actor_id if event.actor_kind == "user" else None)
    return {"icon": icon, "words": words}


def actor_words(event: Event) -> str:
    """Return who did it; programs say so."""
    if event.actor_kind == "token":
        return _("Program “%(name)s”") % {"name": event.actor_name}
    return event.actor_name or _("Somebody")
