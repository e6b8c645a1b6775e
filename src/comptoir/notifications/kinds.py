"""The kinds of notifications, and how each is told unless the person says otherwise. A new kind is one entry here,
one case in rules.recipients and one sentence in words.py.
"""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind: its words on the preferences page, its symbol, and its defaults. `mail` is '', 'now' or 'digest'.

    `is_in_timeline`: who has the conversation's page open reads it there, and needs no notification.
    """

    name: str
    label: str | Promise
    icon: str
    in_page: bool = True
    in_browser: bool = True
    mail: str = ""
    is_in_timeline: bool = False


KINDS = {
    kind.name: kind
    for kind in (
        Kind("mention", _("Somebody mentions me in a note"), "note", mail="now", is_in_timeline=True),
        Kind("assigned", _("Somebody gives me a conversation"), "assign", mail="digest"),
        Kind(
            "reply",
            _("A customer writes in a conversation of mine, or one that I follow"),
            "reply",
            is_in_timeline=True,
        ),
        Kind(
            "trouble",
            _("An answer of mine was not delivered, or is in doubt"),
            "failed",
            mail="now",
            is_in_timeline=True,
        ),
        Kind("reminder", _("A reminder of mine is due"), "bell", mail="now"),
        Kind("rule", _("A rule tells me about a conversation"), "info", mail="digest"),
        Kind("new", _("A new conversation of my teams"), "queue", in_page=False, in_browser=False),
    )
}
