"""What an administrator decides about a chat; the connect screen is drawn from it."""

from django.utils.translation import gettext_lazy as _

from comptoir.channels.base import Field

FIELDS = (
    Field("title", _("Title"), _("At the top of the chat. Empty: the name of the organisation."), required=False),
    Field("greeting", _("Greeting"), _("What a visitor reads first. Empty: “How can we help?”"), required=False),
    Field(
        "hours",
        _("Opening hours"),
        _("One line for days with the same hours: “mon-fri 9:00-12:30, 14:00-18:00”. Empty: whenever a desk is open."),
        kind="lines",
        required=False,
    ),
    Field("timezone", _("Time zone"), _("Of the opening hours, for example Europe/Paris."), default="Europe/Paris"),
    Field(
        "promise",
        _("When you answer"),
        _("Shown while somebody is there. Empty: the median of recent answers, once there are some."),
        required=False,
    ),
    Field(
        "reply_account",
        _("Mailbox for visitors who left"),
        _("The one that writes to visitors who left an address and closed the page."),
        kind="number",
        required=False,
    ),
    Field(
        "sites",
        _("Sites that may show the chat"),
        _("One address per line, for example https://www.example.org. Empty: any site."),
        kind="lines",
        required=False,
    ),
)
