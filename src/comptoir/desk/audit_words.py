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
    names = ("name", "email", "team_name", "to_name", "into_name", "issuer")
    return {name: str(facts.get(name, "")) for name in names} | {"role": _role(facts, "to") or _role(facts, "role")}


_SENTENCES: dict[str, tuple[str, Callable[[], str]]] = {
    "message.received": ("channel-email", lambda: _("wrote")),
    "reply.queued": ("reply", lambda: _("answered")),
    "reply.sent": ("send", lambda: _("sent a reply")),
    "reply.delivered": ("check", lambda: _("delivered a reply")),
    "reply.read": ("check-double", lambda: _("read a reply")),
    "reply.elsewhere": ("external", lambda: _("answered outside Comptoir")),
    "message.edited": ("edit", lambda: _("changed a message")),
    "message.deleted": ("delete", lambda: _("took a message back")),
    "message.hidden": ("eye", lambda: _("hid a message from the public")),
    "message.shown": ("eye", lambda: _("showed a message to the public again")),
    "note.added": ("note", lambda: _("added a note")),
    "conversation.created": ("plus", lambda: _("opened a conversation")),
    "contact.changed": ("contact", lambda: _("changed a contact")),
    "contact.claimed": ("contact", lambda: _("noted who a contact says they are")),
    "account.connected": ("plug", lambda: _("connected the channel %(name)s")),
    "account.changed": ("plug", lambda: _("changed the channel %(name)s")),
    "account.revoked": ("key", lambda: _("withdrew the access of %(name)s")),
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
    "listening.search_created": ("globe", lambda: _("made the saved search %(name)s")),
    "listening.search_changed": ("globe", lambda: _("changed the saved search %(name)s")),
    "listening.search_deleted": ("globe", lambda: _("removed the saved search %(name)s")),
    "listening.source_created": ("globe", lambda: _("added the source %(name)s")),
    "listening.source_changed": ("globe", lambda: _("changed the source %(name)s")),
    "listening.source_deleted": ("globe", lambda: _("removed the source %(name)s")),
    "listening.burst": ("alert", lambda: _("noticed many mentions of %(name)s at once")),
    "label.created": ("tag", lambda: _("made the label %(name)s")),
    "label.changed": ("tag", lambda: _("changed a label")),
    "label.merged": ("tag", lambda: _("merged the label %(name)s into %(into_name)s")),
    "label.deleted": ("tag", lambda: _("removed the label %(name)s")),
    "field.created": ("edit", lambda: _("made the field %(name)s")),
    "field.changed": ("edit", lambda: _("changed the field %(name)s")),
    "field.moved": ("edit", lambda: _("moved the field %(name)s")),
    "field.deleted": ("edit", lambda: _("removed the field %(name)s")),
    "view.created": ("filter", lambda: _("made the view %(name)s")),
    "view.changed": ("filter", lambda: _("changed the view %(name)s")),
    "view.moved": ("filter", lambda: _("moved the view %(name)s")),
    "view.deleted": ("filter", lambda: _("removed the view %(name)s")),
    "saved_reply.created": ("quote", lambda: _("made the saved reply %(name)s")),
    "saved_reply.changed": ("quote", lambda: _("changed the saved reply %(name)s")),
    "saved_reply.deleted": ("quote", lambda: _("removed the saved reply %(name)s")),
    "macro.created": ("bolt", lambda: _("made the macro %(name)s")),
    "macro.changed": ("bolt", lambda: _("changed the macro %(name)s")),
    "macro.deleted": ("bolt", lambda: _("removed the macro %(name)s")),
    "rule.created": ("bolt", lambda: _("made the rule %(name)s")),
    "rule.changed": ("bolt", lambda: _("changed the rule %(name)s")),
    "rule.switched": ("bolt", lambda: _("switched the rule %(name)s on or off")),
    "rule.moved": ("bolt", lambda: _("moved the rule %(name)s")),
    "rule.deleted": ("bolt", lambda: _("removed the rule %(name)s")),
    "assignment.changed": ("assign", lambda: _("changed the automatic assignment of a team")),
    "workload.changed": ("assign", lambda: _("changed what somebody carries and knows")),
    "shifts.changed": ("clock", lambda: _("changed the shifts of a team")),
    "presence.changed": ("mine", lambda: _("changed their presence")),
    "calendar.changed": ("clock", lambda: _("changed opening hours")),
    "calendar.removed": ("clock", lambda: _("removed opening hours")),
    "calendar.exception_added": ("clock", lambda: _("added an exceptional day")),
    "calendar.exception_removed": ("clock", lambda: _("removed an exceptional day")),
    "reminder.set": ("bell", lambda: _("set a reminder")),
    "reminder.cancelled": ("bell", lambda: _("cancelled a reminder")),
    "reminder.due": ("bell", lambda: _("reminded somebody")),
    "reminder.spared": ("bell", lambda: _("dropped a reminder: the customer had written")),
    "organisation.founded": ("teams", lambda: _("founded the organisation %(name)s")),
    "import.started": ("download", lambda: _("handed in an import")),
    "import.tried": ("download", lambda: _("tried an import")),
    "import.confirmed": ("download", lambda: _("confirmed an import")),
    "import.done": ("download", lambda: _("finished an import")),
    "import.failed": ("failed", lambda: _("could not finish an import")),
    "import.dropped": ("x", lambda: _("dropped an import")),
    "contact.imported": ("download", lambda: _("imported a contact")),
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
    if event.actor_kind == "rule":
        return _("Rule “%(name)s”") % {"name": event.actor_name}
    return event.actor_name or _("Somebody")
