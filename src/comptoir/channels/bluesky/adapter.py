"""Bluesky: mentions, replies, quotes and direct messages of one account, by polling its server."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from comptoir.channels.base import Capability, Channel, Field, Rate
from comptoir.channels.bluesky import client, parse, render, watching
from comptoir.channels.bluesky.records import NETWORK, private_thread


def _private_thread(facts: Mapping[str, Any]) -> str:
    author = facts.get("author")
    return private_thread(author) if isinstance(author, str) and author.startswith("did:") else ""


CHANNEL = Channel(
    kind="bluesky",
    label=_("Bluesky"),
    icon="channel-bluesky",
    identity_kind=NETWORK,
    capabilities=frozenset(
        {
            Capability.PUBLIC,
            Capability.PRIVATE,
            Capability.ATTACHMENTS,
            Capability.DELETIONS,
            Capability.REACTIONS,
            Capability.ECHOES,
            Capability.HIDES,
            Capability.IDEMPOTENT,
        }
    ),
    events=("mention", "reply", "quote", "like", "repost", "follow", "own", "vanished", "chat-message", "chat-own",
            "chat-reaction", "chat-unreaction"),
    fields=(
        Field("handle", _("Handle"), _("Without @, for example ondavelle.example or ondavelle.bsky.social.")),
        Field(
            "app_password",
            _("App password"),
            _("Made in Bluesky under Settings, Privacy and security. Never the password of the account itself."),
            "password",
            secret=True,
        ),
        Field(
            "direct_messages",
            _("Direct messages"),
            _("Needs an app password that allows access to direct messages."),
            "flag",
            default=True,
            required=False,
        ),
        Field(
            "only_new",
            _("Only new messages"),
            _("Leave what was written before the connection where it is."),
            "flag",
            default=True,
            required=False,
        ),
        Field(
            "api_url",
            _("Address of the server"),
            _("Only for a server of your own, for tests and for proxies. Empty: https://bsky.social."),
            required=False,
        ),
        Field(
            "plc_url",
            _("Directory of accounts"),
            _("Only for tests and for proxies. Empty: https://plc.directory."),
            required=False,
        ),
    ),
    parse=parse.parse,
    adopt=parse.adopt,
    send=client.send,
    preview=render.preview,
    reconcile=client.reconcile,
    watch=watching.watch,
    # A post costs 3 of 5,000 points an hour and of 35,000 a day; a part of that is left to colleagues' programs.
    rates=(Rate("bluesky-hour", 1500, 3600, is_public=True), Rate("bluesky-day", 10_000, 86_400, is_public=True)),
    renew=client.renew,
    private_thread=_private_thread,
    hide=client.hide,
    fetch=client.fetch,
    profile=client.profile,
    steps=client.steps,
    test=client.test,
    order=500,
)  # fmt: skip
