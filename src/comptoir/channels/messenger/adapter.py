"""Messenger: private messages to a Facebook page. What each part does is in doc.md."""

from django.utils.translation import gettext_lazy as _

from comptoir.channels.base import Capability, Channel, Rate
from comptoir.channels.graph import config, messaging, sending
from comptoir.channels.messenger import client, parse, render, verify

CHANNEL = Channel(
    kind="messenger",
    label=_("Messenger"),
    icon="channel-messenger",
    identity_kind="facebook",
    capabilities=frozenset(
        {
            Capability.ATTACHMENTS,
            Capability.RECEIPTS,
            Capability.READS,
            Capability.PRIVATE,
            Capability.EDITS,
            Capability.REACTIONS,
            Capability.ECHOES,
            Capability.CHOICES,
        }
    ),
    events=("message", "postback", "referral", "own", "delivery", "read", "edit", "reaction"),
    fields=config.fields(
        "page_id",
        _("Page ID"),
        _("The number of the Facebook page, under “About” and “Page transparency”."),
        token_help=_("The page’s own token, from the Messenger settings of your app; not that of a person."),
    ),
    parse=parse.parse,
    send=client.send,
    preview=render.preview,
    reconcile=client.reconcile,
    verify=verify.verify,
    identify=parse.identify,
    challenge=verify.challenge,
    acknowledgement=("text/plain", b"EVENT_RECEIVED"),
    window=messaging.window,
    rates=(Rate("messenger", 250, 1.0),),  # the documentation allows 300 calls a second of a page
    renew=client.renew,
    recipient_field="page_id",
    fetch=sending.fetch,
    profile=client.profile,
    steps=client.steps,
    test=client.test,
    order=200,
)
