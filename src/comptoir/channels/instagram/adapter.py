"""Instagram: direct messages and comments of a professional account. What each part does is in doc.md."""

from django.utils.translation import gettext_lazy as _

from comptoir.channels.base import Capability, Channel, Field, Rate
from comptoir.channels.graph import config, messaging, sending
from comptoir.channels.instagram import client, parse, render, verify

CHANNEL = Channel(
    kind="instagram",
    label=_("Instagram"),
    icon="channel-instagram",
    identity_kind="instagram",
    capabilities=frozenset(
        {
            Capability.READS,
            Capability.PUBLIC,
            Capability.PRIVATE,
            Capability.EDITS,
            Capability.DELETIONS,
            Capability.REACTIONS,
            Capability.ECHOES,
            Capability.CHOICES,
            Capability.HIDES,
        }
    ),
    events=("message", "story-reply", "story-mention", "comment", "own", "edit", "deletion", "reaction", "read"),
    fields=(
        *config.fields(
            "account_id",
            _("Instagram account ID"),
            _("The number of the professional account as events name it (17841…), not its user name."),
            token_help=_("The token of the linked Facebook page, or that of the Instagram account itself."),
        ),
        Field(
            "login",
            _("Kind of token"),
            _("Which of the two you entered: it decides where answers are sent and whether the token is renewed."),
            "choice",
            choices=((client.PAGE, _("Token of the Facebook page")), (client.OWN, _("Token of the Instagram account"))),
            default=client.PAGE,
        ),
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
    rates=(
        Rate("instagram", 80, 1.0, is_public=False),  # the documentation allows 100 calls a second
        Rate("instagram-comments", 60, 3600.0, is_public=True),  # undocumented; more looks like spam to the network
    ),
    renew=client.renew,
    recipient_field="account_id",
    private_thread=messaging.private_thread,
    hide=client.hide,
    fetch=sending.fetch,
    profile=client.profile,
    steps=client.steps,
    test=client.test,
    order=210,
)
