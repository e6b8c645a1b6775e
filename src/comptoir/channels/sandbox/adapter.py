"""The sandbox: a channel without a platform, for tests, for the demo and for programs of one's own (signed JSON)."""

from django.utils.translation import gettext_lazy as _

from comptoir.channels.base import Capability, Channel, Field
from comptoir.channels.sandbox import client, parse, render, verify

CHANNEL = Channel(
    kind="sandbox",
    label=_("Sandbox"),
    icon="channel-sandbox",
    identity_kind="sandbox",
    capabilities=frozenset(
        {
            Capability.RECEIPTS,
            Capability.READS,
            Capability.IDEMPOTENT,
            Capability.EDITS,
            Capability.DELETIONS,
            Capability.REACTIONS,
            Capability.ECHOES,
            Capability.PUBLIC,
            Capability.PRIVATE,
        }
    ),
    events=("message", "receipt", "own", "edit", "deletion", "hiding", "reaction"),
    fields=(
        Field(
            "secret", _("Secret"), _("Signs every request in both directions (HMAC-SHA256)."), "password", secret=True
        ),
        Field(
            "url",
            _("Address for answers"),
            _("Where answers are sent by POST. Empty: they go nowhere."),
            required=False,
        ),
        Field(
            "imitates",
            _("Counts like"),
            _("Lengths and splitting of another network, to try them out."),
            "choice",
            choices=(
                ("", _("No limit")),
                (render.X, _("X: 280, weighted")),
                (render.BLUESKY, _("Bluesky: 300 graphemes")),
                (render.SMS, _("SMS: segments")),
            ),
            required=False,
        ),
    ),
    parse=parse.parse,
    send=client.send,
    preview=render.preview,
    reconcile=client.reconcile,
    verify=verify.verify,
    identify=parse.identify,
    private_thread=render.private_thread,
    order=900,
)
