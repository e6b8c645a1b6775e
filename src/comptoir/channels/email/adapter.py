"""E-mail: IMAP in, SMTP out. What each part does is in doc.md."""

from django.utils.translation import gettext_lazy as _

from comptoir.channels.base import Capability, Channel

from .client_smtp import reconcile, send
from .config import FIELDS
from .parse import parse
from .preview import preview
from .trying import steps, test
from .watching import watch

CHANNEL = Channel(
    kind="email",
    label=_("E-mail"),
    icon="channel-email",
    identity_kind="email",
    capabilities=frozenset(
        {
            Capability.SUBJECT,
            Capability.CC,
            Capability.HTML,
            Capability.ATTACHMENTS,
            Capability.FORWARD,
            Capability.QUOTES,
            Capability.SIGNATURE,
            Capability.STARTS,
        }
    ),
    events=("mail", "bounce", "vacation", "read-receipt"),
    fields=FIELDS,
    parse=parse,
    send=send,
    preview=preview,
    reconcile=reconcile,
    watch=watch,
    test=test,
    steps=steps,
    order=10,
)
