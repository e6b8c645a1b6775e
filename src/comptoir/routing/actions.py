"""What a rule can do. A further action is one function here, and one line in desk/rule_words.py.

Each returns '' when it was done, or a word that says why not ('same', 'recent', …), which the log keeps; what a service
refuses is such a reason too. Everything goes through the services, so that it has its event with the rule as actor.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from comptoir.accounts.models import Team, User
from comptoir.conversations import services
from comptoir.conversations.labelling import change_labels
from comptoir.conversations.models import Conversation, Label, Message, MessageKind, State
from comptoir.core import clock
from comptoir.core.errors import InputError
from comptoir.journal import services as journal
from comptoir.journal.services import Actor
from comptoir.knowledge.models import Macro
from comptoir.knowledge.services import apply_macro
from comptoir.outbound.services import Draft, queue_reply
from comptoir.routing.assigning import assign_automatically
from comptoir.routing.models import AutomaticReply, Errand, Firing
from comptoir.routing.rules import guard
from comptoir.routing.rules.conditions import Action, Facts

MAX_SNOOZE = 60 * 24 * 365  # minutes


@dataclass(frozen=True, slots=True)
class Doing:
    """What an action is done to, by whom and why."""

    actor: Actor
    firing: Firing
    conversation: Conversation
    facts: Facts
    action: Action


def _number(text: str) -> int:
    if not text.lstrip("-").isdecimal():
        raise InputError("Choose one from the list.")
    return int(text)


def _assign(doing: Doing) -> str:
    if doing.action.value == "auto":
        return assign_automatically(doing.conversation, at=clock.now())
    person = None
    if doing.action.value:
        person = User.objects.filter(pk=_number(doing.action.value), is_active=True).first()
        if person is None:
            return "gone"
    if doing.conversation.assignee_id == (person.pk if person else None):
        return "same"
    services.assign_conversation(actor=doing.actor, conversation=doing.conversation, assignee=person)
    return ""


def _transfer(doing: Doing) -> str:
    team = Team.objects.filter(pk=_number(doing.action.value)).first()
    if team is None:
        return "gone"
    if doing.conversation.team_id == team.pk:
        return "same"
    services.transfer_conversation(actor=doing.actor, conversation=doing.conversation, team=team)
    return ""


def _state(doing: Doing) -> str:
    if doing.conversation.state == doing.action.value:
        return "same"
    services.set_state(actor=doing.actor, conversation=doing.conversation, state=doing.action.value)
    return ""


def _snooze(doing: Doing) -> str:
    until = clock.now() + timedelta(minutes=min(_number(doing.action.value), MAX_SNOOZE))
    services.set_state(actor=doing.actor, conversation=doing.conversation, state=State.SNOOZED, snoozed_until=until)
    return ""


def _priority(doing: Doing) -> str:
    if str(doing.conversation.priority) == doing.action.value:
        return "same"
    services.set_priority(actor=doing.actor, conversation=doing.conversation, priority=_number(doing.action.value))
    return ""


def _label(doing: Doing) -> str:
    if not Label.objects.filter(pk=_number(doing.action.value)).exists():
        return "gone"
    is_new = change_labels(actor=doing.actor, conversation=doing.conversation, add=[_number(doing.action.value)])
    return "" if is_new else "same"


def _unlabel(doing: Doing) -> str:
    was_there = change_labels(actor=doing.actor, conversation=doing.conversation, remove=[_number(doing.action.value)])
    return "" if was_there else "same"


def _macro(doing: Doing) -> str:
    """Apply a macro; what needs a person at a desk is left out. An answer in it is held to the rule of `_reply`."""
    macro = Macro.objects.filter(pk=_number(doing.action.value)).first()
    if macro is None:
        return "gone"
    if any(step["do"] == "send" for step in macro.steps):
        if held := _holds_reply(doing):
            return held
        AutomaticReply.objects.update_or_create(
            contact_id=doing.conversation.contact_id, defaults={"sent_at": clock.now()}
        )
    apply_macro(actor=doing.actor, user=None, conversation=doing.conversation, macro=macro)
    return ""


def _note(doing: Doing) -> str:
    services.add_note(actor=doing.actor, conversation=doing.conversation, user=None, text=doing.action.value)
    return ""


def _notify(doing: Doing) -> str:
    """Tell people of the conversation's team, by an event that notifications read (INV-06)."""
    told = User.objects.filter(
        pk__in=doing.action.people, is_active=True, memberships__team_id=doing.conversation.team_id
    )
    people = list(told.order_by("pk").values_list("pk", flat=True))
    if not people:
        return "gone"
    row = doing.conversation
    facts = {"people": people, "words": doing.action.value, "rule": doing.firing.rule_id}
    journal.append(
        actor=doing.actor, kind="rule.notified", conversation_id=row.pk, contact_id=row.contact_id, facts=facts
    )
    return ""


def _webhook(doing: Doing) -> str:
    """Owe an address a call. It hears what the rule's author may see, as other webhooks do (INV-06)."""
    author = doing.firing.version.made_by
    if not author.is_active or not author.memberships.filter(team_id=doing.conversation.team_id).exists():
        return "foreign"
    row, facts = doing.conversation, doing.facts
    body = {
        "rule": {"id": doing.firing.rule_id, "name": doing.actor.name},
        "firing": doing.firing.pk,
        "at": doing.firing.at.isoformat(),
        "conversation": {
            "id": row.pk, "subject": row.subject, "channel": row.channel, "state": row.state,
            "priority": row.priority, "team_id": row.team_id, "assignee_id": row.assignee_id,
            "contact_id": row.contact_id, "language": row.language, "waiting_minutes": int(facts.waiting_minutes),
        },
    }  # fmt: skip
    Errand.objects.create(firing=doing.firing, url=doing.action.value, body=body, due_at=clock.now())
    return ""


def _reply(doing: Doing) -> str:
    """Answer with a saved text: never a machine, and a contact at most once a day."""
    row, now = doing.conversation, clock.now()
    if held := _holds_reply(doing):
        return held
    queue_reply(actor=doing.actor, user=None, conversation=row, draft=Draft(doing.action.value, automatic="rule"))
    AutomaticReply.objects.update_or_create(contact_id=row.contact_id, defaults={"sent_at": now})
    return ""


def _holds_reply(doing: Doing) -> str:
    """Return why this conversation gets no automatic answer now, or ''."""
    row = doing.conversation
    last = AutomaticReply.objects.select_for_update().filter(contact_id=row.contact_id).first()
    is_automatic = doing.facts.is_automatic or _ends_automatic(row)
    return guard.holds_reply(is_automatic=is_automatic, last_reply=last.sent_at if last else None, at=clock.now())


def _ends_automatic(row: Conversation) -> bool:
    """Whether the customer's latest message was written by a machine, whatever the event was about."""
    last = Message.objects.filter(conversation=row, kind=MessageKind.INBOUND).order_by("-created_at", "-id")
    return bool(last.values_list("automatic", flat=True).first())


ACTIONS: dict[str, Callable[[Doing], str]] = {
    "assign": _assign,
    "team": _transfer,
    "state": _state,
    "snooze": _snooze,
    "priority": _priority,
    "label": _label,
    "unlabel": _unlabel,
    "macro": _macro,
    "note": _note,
    "reply": _reply,
    "notify": _notify,
    "webhook": _webhook,
}
