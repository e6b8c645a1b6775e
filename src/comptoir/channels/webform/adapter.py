"""The web form: a page of ours, or a frame in any site; the answer leaves by e-mail."""

from django.utils.translation import gettext_lazy as _

from comptoir.channels.base import Capability, Channel
from comptoir.channels.webform.config import FIELDS
from comptoir.channels.webform.parse import parse

CHANNEL = Channel(
    kind="webform",
    label=_("Web form"),
    icon="channel-form",
    identity_kind="email",
    capabilities=frozenset({Capability.SUBJECT, Capability.ATTACHMENTS, Capability.CC, Capability.SIGNATURE}),
    events=("submission",),
    fields=FIELDS,
    parse=parse,
    urls="comptoir.channels.webform.urls",
    docs={
        "page": "{url}/c/webform/{key}/",
        "embed": '<script src="{url}/static/widget/form.js" data-key="{key}" async></script>',
    },
    replies_by="email",
    order=20,
)
