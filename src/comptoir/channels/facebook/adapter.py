"""A Facebook page in public: comments under its posts, and what visitors post. What each part does is in doc.md."""

from django.utils.translation import gettext_lazy as _

from comptoir.channels.base import Capability, Channel, Rate
from comptoir.channels.facebook import client, parse, render, verify
from comptoir.channels.graph import config, messaging, sending

CHANNEL = Channel(
    kind="facebook",
    label=_("Facebook page"),
    icon="channel-facebook",
    identity_kind="facebook",
    capabilities=frozenset(
        {
            Capability.PUBLIC,
            Capability.PRIVATE,
            Capability.EDITS,
            Capability.DELETIONS,
            Capability.REACTIONS,
            Capability.ECHOES,
            Capability.HIDES,
        }
    ),
    events=("comment", "post", "own", "edit", "deletion", "hiding", "reaction"),
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
    rates=(Rate("facebook-private", 750, 3600.0, is_public=False),),  # documented: private replies an hour of a page
    renew=client.renew,
    recipient_field="page_id",
    private_thread=messaging.private_thread,
    hide=client.hide,
    fetch=sending.fetch,
    profile=client.profile,
    steps=client.steps,
    test=client.test,
    order=220,
)
