"""The choices in the menus of a conversation's head as HTML, drawn here and not by a template.

The head is drawn with every page and after every action, and its four loops took a sixth of the page (bench/pages.py).
Names go through `escape`; all the rest are constants and numbers.
"""

from collections.abc import Sequence
from html import escape

from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from comptoir.conversations.models import Conversation, Priority, State
from comptoir.desk.queries import Takers
from comptoir.desk.templatetags.desk import avatar, icon

SET_BY_HAND = (State.OPEN, State.PENDING, State.SOLVED)


def _item(name: str, value: object, said: str, *, is_on: bool, more: str = "") -> str:
    on = ' aria-pressed="true"' if is_on else ""
    mark = f'<span class="push">{icon("check", "icon-sm")}</span>' if is_on else more
    return f'<button class="menu-item" name="{name}" value="{value}"{on}>{said}{mark}</button>\n'


def _drawn(items: Sequence[str]) -> SafeString:
    return mark_safe("".join(items))  # noqa: S308  # see the docstring


def people(takers: Takers, conversation: Conversation, user_id: int) -> SafeString:
    """Return the people who can be given a conversation; the reader is called 'me'."""
    me = escape(_("Me"))
    return _drawn(
        [
            _item(
                "assignee", one.pk, avatar(one.name, one.pk) + (me if one.pk == user_id else escape(one.name)),
                is_on=one.pk == conversation.assignee_id,
            )
            for one in takers.people
        ]
    )  # fmt: skip


def teams(takers: Takers, conversation: Conversation) -> SafeString:
    """Return the teams that can be given a conversation."""
    symbol = icon("teams")
    return _drawn(
        [_item("team", t.pk, symbol + escape(t.name), is_on=t.pk == conversation.team_id) for t in takers.teams]
    )


def states(conversation: Conversation) -> SafeString:
    """Return the states that a person can set."""
    waits = f'<span class="push">{escape(_("waiting for the customer"))}</span>'
    return _drawn(
        [
            _item(
                "state", state.value,
                f'<span class="state" data-state="{state.value}">{icon(f"state-{state.value}")}</span>'
                f"{escape(str(state.label))}",
                is_on=state == conversation.state, more=waits if state is State.PENDING else "",
            )
            for state in SET_BY_HAND
        ]
    )  # fmt: skip


def priorities(conversation: Conversation) -> SafeString:
    """Return the priorities, the highest first."""
    found = [(value, str(label)) for value, label in Priority.choices[::-1]]
    return _drawn([_item("priority", v, escape(label), is_on=v == conversation.priority) for v, label in found])
