"""The connection test of a Mastodon account, step by step."""

from collections.abc import Callable, Iterator, Sequence

from django.utils.translation import gettext as _

from comptoir.channels.base import Step
from comptoir.channels.mastodon.client import Api, read_own, read_server
from comptoir.core.errors import ChannelError
from comptoir.core.types import AccountConfig


def steps(account: AccountConfig) -> Sequence[Step]:
    """Return what there is to try: the server, the token, and what the token may do."""
    api = Api(account)

    def server() -> str:
        read_server(api)
        return ""

    def token() -> str:
        read_own(api)
        return ""

    def notifications() -> str:
        api.read("/api/v1/notifications", limit=1)
        return ""

    def posts() -> str:
        # Nothing is posted: a token that may write is refused for want of a text, one that may not for itself.
        answer = api.ask("POST", "/api/v1/statuses", body=b"", needed=False)
        return _("The token may not post. Create it with the scope “write”.") if answer.status in {401, 403} else ""

    return [
        Step(_("The server answers and speaks the Mastodon API"), _in_words(server)),
        Step(_("The access token is accepted"), _in_words(token), needs_others=True),
        Step(_("Notifications can be read"), _in_words(notifications), needs_others=True),
        Step(_("Posts can be written"), _in_words(posts), needs_others=True),
    ]


def _in_words(run: Callable[[], str]) -> Callable[[], str]:
    def tried() -> str:
        try:
            return run()
        except ChannelError as error:
            return str(error)

    return tried


def test(account: AccountConfig) -> Iterator[tuple[str, str]]:
    """Try all steps; those that need others are left out when one has failed."""
    failed = False
    for step in steps(account):
        if failed and step.needs_others:
            continue
        said = step.run()
        failed = failed or bool(said)
        yield step.label, said
