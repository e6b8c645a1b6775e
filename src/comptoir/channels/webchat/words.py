"""Every word of the widget's inside, in the visitor's language; the script has none of its own."""

from django.utils.translation import gettext as _


def frame_words() -> dict[str, str]:
    """Return the texts by the names that chat-frame.js uses."""
    return {
        "sending": _("Sending"),
        "sent": _("Sent"),
        "failed": _("Not sent. Tap to try again"),
        "you": _("You"),
        "emailed": _("Also sent by e-mail"),
        "offline": _("No network. Your messages will be sent once it is back."),
        "today": _("Today"),
        "yesterday": _("Yesterday"),
        "long": _("Too long: at most {max} characters."),
        "saved": _("If you leave, the answer goes to {email}."),
        "leaving": _("Get the answer by e-mail"),
    }
