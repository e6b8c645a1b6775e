"""What an administrator decides about a form; the connect screen is drawn from it."""

from django.utils.translation import gettext_lazy as _

from comptoir.channels.base import Field

FIELDS = (
    Field("title", _("Title"), _("The headline above the form. Empty: “Write to us”."), required=False),
    Field("introduction", _("Introduction"), _("One or two sentences below the title."), kind="lines", required=False),
    Field("topics", _("Topics"), _("One per line. Empty: no choice is offered."), kind="lines", required=False),
    Field(
        "promise",
        _("When you answer"),
        _("For example: “We answer within one working day.” Empty: the median of recent answers, once there are some."),
        required=False,
    ),
    Field(
        "reply_account",
        _("Mailbox that answers"),
        _("The one from which your answers leave."),
        kind="number",
        required=False,
    ),
    Field(
        "sites",
        _("Sites that may show the form"),
        _("One address per line, for example https://www.example.org. Empty: any site."),
        kind="lines",
        required=False,
    ),
)
