"""Text messages: numbers of a gateway that speaks Twilio's API; its receipts, pictures that come in, opt-outs."""

from django.utils.translation import gettext_lazy as _

from comptoir.channels.base import Capability, Channel, Field, Rate
from comptoir.channels.sms import client, parse, render, verify

CHANNEL = Channel(
    kind="sms",
    label=_("Text messages (SMS)"),
    icon="channel-sms",
    identity_kind=parse.NETWORK,
    capabilities=frozenset({Capability.PRIVATE, Capability.RECEIPTS}),
    events=("message", "receipt"),
    fields=(
        Field("account_sid", _("Account"), _("The gateway’s id of your account; at Twilio it begins with AC.")),
        Field(
            "auth_token",
            _("Token of the account"),
            _("Signs us in, and shows that what comes is from the gateway."),
            "password",
            secret=True,
        ),
        Field(
            "number",
            _("Our number"),
            _("As in +33612345678. Empty only with a messaging service, or to answer from the number written to."),
            required=False,
        ),
        Field(
            "messaging_service",
            _("Messaging service"),
            _("At Twilio it begins with MG: a pool of numbers that answers are sent from."),
            required=False,
        ),
        Field(
            "webhook_login",
            _("Login of the webhook"),
            _("name:password, for gateways that sign in to us instead of signing what they send."),
            "password",
            required=False,
            secret=True,
        ),
        Field(
            "api_url",
            _("Address of the gateway"),
            _("Only for tests and for another gateway with the same API. Empty: Twilio’s."),
            required=False,
        ),
    ),
    parse=parse.parse,
    send=client.send,
    preview=render.preview,
    reconcile=client.reconcile,
    verify=verify.verify,
    identify=parse.identify,
    acknowledgement=("text/xml", b"<Response/>"),
    window=render.window,
    # The gateway queues what a number cannot send at once; this only keeps our own bursts polite.
    rates=(Rate("sms", 30, 1.0),),
    recipient_field="number",
    fetch=client.fetch,
    test=client.test,
    steps=client.steps,
    order=240,
)
