"""Matrix: rooms of one account, or of an application service."""

from django.utils.translation import gettext_lazy as _

from comptoir.channels.base import Capability, Channel, Field
from comptoir.channels.matrix import client, parse, render, trying, verify, watching

CHANNEL = Channel(
    kind="matrix",
    label=_("Matrix"),
    icon="channel-matrix",
    identity_kind=parse.NETWORK,
    capabilities=frozenset(
        {
            Capability.PRIVATE,
            Capability.ATTACHMENTS,
            Capability.EDITS,
            Capability.DELETIONS,
            Capability.REACTIONS,
            Capability.ECHOES,
            Capability.READS,
            Capability.RECEIPTS,
            Capability.IDEMPOTENT,
        }
    ),
    events=("message", "thread", "edit", "redaction", "reaction", "receipt", "own", "encrypted", "sticker"),
    fields=(
        Field("server", _("Homeserver"), _("The address of your homeserver, for example https://matrix.org."), "host"),
        Field(
            "mode",
            _("Kind of account"),
            _("A plain account reads by itself; to an application service the homeserver pushes."),
            "choice",
            choices=(("account", _("Plain account")), ("service", _("Application service"))),
            default="account",
        ),
        Field(
            "access_token",
            _("Access token"),
            _("Of the account, or the as_token of the registration file."),
            "password",
            secret=True,
        ),
        Field(
            "hs_token",
            _("Token of the homeserver"),
            _("The hs_token of the registration file. Only for an application service."),
            "password",
            required=False,
            secret=True,
        ),
        Field(
            "user_id",
            _("User"),
            _("For example @hub:example.org. Read from the homeserver for a plain account."),
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
    send=client.send,
    preview=render.preview,
    reconcile=client.reconcile,
    verify=verify.verify,
    identify=parse.identify,
    acknowledgement=("application/json", b"{}"),
    watch=watching.watch,
    fetch=client.fetch,
    profile=client.profile,
    test=trying.test,
    steps=trying.steps,
    order=360,
)
