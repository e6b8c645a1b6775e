"""X: mentions, replies, quotes and direct messages of one account, by the X Activity API."""

from django.utils.translation import gettext_lazy as _

from comptoir.channels.base import Capability, Channel, Field
from comptoir.channels.x import client, events, parse, render, rules, trying, verify

CHANNEL = Channel(
    kind="x",
    label=_("X"),
    icon="channel-x",
    identity_kind=events.NETWORK,
    capabilities=frozenset(
        {
            Capability.ATTACHMENTS,
            Capability.READS,
            Capability.PUBLIC,
            Capability.PRIVATE,
            Capability.EDITS,
            Capability.DELETIONS,
            Capability.REACTIONS,
            Capability.ECHOES,
            Capability.HIDES,
        }
    ),
    events=("message", "receipt", "own", "edit", "deletion", "reaction"),
    fields=(
        Field("user_id", _("Account number"), _("The number of the account at X, not its @name.")),
        Field(
            "consumer_secret",
            _("API secret"),
            _("Of the app (“API Key Secret”); it signs what arrives."),
            "password",
            secret=True,
        ),
        Field("client_id", _("Client ID"), _("Of the app’s OAuth 2.0 settings; it renews the access.")),
        Field(
            "client_secret",
            _("Client secret"),
            _("Beside the client ID. Empty for an app that has none."),
            "password",
            required=False,
            secret=True,
        ),
        Field(
            "token",
            _("Access token"),
            _("Of the account, with tweet.read, tweet.write, users.read, dm.read, dm.write, media.write."),
            "password",
            secret=True,
        ),
        Field(
            "refresh_token",
            _("Refresh token"),
            _("Comes with offline.access; without it the access ends after two hours."),
            "password",
            required=False,
            secret=True,
        ),
        Field(
            "api_url",
            _("Address of the API"),
            _("Only for tests and proxies. Empty: the platform’s own."),
            required=False,
        ),
    ),
    parse=parse.parse,
    send=client.send,
    preview=render.preview,
    reconcile=client.reconcile,
    verify=verify.verify,
    identify=parse.identify,
    challenge=verify.challenge,
    rates=rules.RATES,
    renew=client.renew,
    recipient_field="user_id",
    private_thread=rules.private_thread,
    hide=client.hide,
    fetch=client.fetch,
    profile=client.profile,
    test=trying.test,
    steps=trying.steps,
    order=500,
)
