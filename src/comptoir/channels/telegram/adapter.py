"""Telegram: a bot's private chats, groups where it is addressed, and the chats of business accounts."""

from django.utils.translation import gettext_lazy as _

from comptoir.channels.base import Capability, Channel, Field, Rate
from comptoir.channels.telegram import client, parse, render, verify

CHANNEL = Channel(
    kind="telegram",
    label=_("Telegram"),
    icon="channel-telegram",
    identity_kind=parse.NETWORK,
    capabilities=frozenset(
        {
            Capability.ATTACHMENTS,
            Capability.PRIVATE,
            Capability.PUBLIC,
            Capability.EDITS,
            Capability.DELETIONS,
            Capability.REACTIONS,
            Capability.ECHOES,
            Capability.CHOICES,
        }
    ),
    events=("message", "edit", "business", "own", "deletion", "choice", "reaction"),
    fields=(
        Field(
            "bot_token",
            _("Token of the bot"),
            _("BotFather gives it: digits, a colon, and letters."),
            "password",
            secret=True,
        ),
        Field(
            "username",
            _("Name of the bot"),
            _("As in @ondavelle_bot; in groups it tells what is addressed to the bot."),
        ),
        Field(
            "webhook_secret",
            _("Secret of the webhook"),
            _("Telegram shows it with every call. Empty: one is made from the token."),
            "password",
            required=False,
            secret=True,
        ),
        Field(
            "api_url",
            _("Address of the Bot API"),
            _("Only for tests and for a Bot API server of your own. Empty: Telegram’s."),
            required=False,
        ),
    ),
    parse=parse.parse,
    send=client.send,
    preview=render.preview,
    verify=verify.verify,
    identify=parse.identify,
    acknowledge=parse.acknowledge,
    window=render.window,
    # "Avoid sending more than one message per second in a chat; about 30 messages per second in all" (Bots FAQ).
    rates=(Rate("telegram", 30, 1.0), Rate("telegram-chat", 1, 1.0, each=True)),
    private_thread=render.private_thread,
    fetch=client.fetch,
    test=client.test,
    steps=client.steps,
    order=220,
)
