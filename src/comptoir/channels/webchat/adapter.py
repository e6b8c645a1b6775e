"""The chat: a widget of ours in any site, answered live, and by e-mail once the visitor has gone."""

from django.utils.translation import gettext_lazy as _

from comptoir.channels.base import Capability, Channel
from comptoir.channels.webchat.client import reconcile, send, watch
from comptoir.channels.webchat.config import FIELDS
from comptoir.channels.webchat.parse import parse
from comptoir.channels.webchat.render import preview

CHANNEL = Channel(
    kind="webchat",
    label=_("Web chat"),
    icon="channel-chat",
    identity_kind="webchat",
    capabilities=frozenset({Capability.RECEIPTS, Capability.IDEMPOTENT}),
    events=("message", "contact", "receipt"),
    fields=FIELDS,
    parse=parse,
    send=send,
    preview=preview,
    reconcile=reconcile,
    watch=watch,
    urls="comptoir.channels.webchat.urls",
    docs={
        "page": "{url}/c/webchat/{key}/",
        "embed": '<script src="{url}/static/widget/chat.js" data-key="{key}" async></script>',
    },
    order=30,
)
