"""Mentions that no account of ours can answer: press, forums, reviews, networks where we are not.

They become conversations that stay inside: assigned, noted and solved like others, and answered where they stand.
An account of this channel is made by listening, for the first such mention of a team.
"""

from django.utils.translation import gettext_lazy as _

from comptoir.channels.base import Capability, Channel
from comptoir.channels.mention import parse

CHANNEL = Channel(
    kind="mention",
    label=_("Mention"),
    icon="channel-mention",
    identity_kind="mention",
    capabilities=frozenset({Capability.PUBLIC}),
    events=("mention",),
    fields=(),
    parse=parse.parse,
    adopt=parse.adopt,
    order=850,
    is_inner=True,
)
