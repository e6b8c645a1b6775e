"""Mastodon, and every other server that speaks its API: public mentions and direct messages."""

from django.utils.translation import gettext_lazy as _

from comptoir.channels.base import Capability, Channel, Field, Rate
from comptoir.channels.mastodon import client, parse, render, trying, watching

CHANNEL = Channel(
    kind="mastodon",
    label=_("Mastodon"),
    icon="channel-mastodon",
    identity_kind=parse.NETWORK,
    capabilities=frozenset(
        {
            Capability.PUBLIC,
            Capability.PRIVATE,
            Capability.ATTACHMENTS,
            Capability.EDITS,
            Capability.DELETIONS,
            Capability.REACTIONS,
            Capability.ECHOES,
            Capability.IDEMPOTENT,
        }
    ),
    events=("mention", "direct", "update", "status.update", "delete", "favourite", "reblog"),
    fields=(
        Field("server", _("Server"), _("The address of your server, for example https://mastodon.social."), "host"),
        Field(
            "access_token",
            _("Access token"),
            _("From your server: Preferences, Development, New application, with the scopes “read” and “write”."),
            "password",
            secret=True,
        ),
        Field(
            "visibility",
            _("Public answers"),
            _("An answer is never more public than what it answers."),
            "choice",
            choices=(("public", _("Public")), ("unlisted", _("Public, but not in the timelines"))),
            default="public",
            required=False,
        ),
        Field(
            "max_characters",
            _("Characters of a post"),
            _("Read from the server as soon as it is connected."),
            "number",
            default=render.LIMIT,
            required=False,
        ),
        Field(
            "characters_per_link",
            _("Characters of a link"),
            _("Read from the server as soon as it is connected."),
            "number",
            default=render.LINK,
            required=False,
        ),
        Field(
            "api_url",
            _("Address of the API"),
            _("Only for tests and proxies. Empty: the address of the server."),
            required=False,
        ),
    ),
    parse=parse.parse,
    adopt=parse.adopt,
    send=client.send,
    preview=render.preview,
    reconcile=client.reconcile,
    watch=watching.watch,
    rates=(Rate("posts", 300, 3 * 3600.0),),
    private_thread=parse.private_thread,
    fetch=client.fetch,
    test=trying.test,
    steps=trying.steps,
    order=350,
)
