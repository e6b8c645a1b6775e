"""The connection test of a Matrix account, step by step."""

from collections.abc import Callable, Iterator, Sequence

from django.utils.translation import gettext as _

from comptoir.channels.base import Step
from comptoir.channels.matrix.client import CLIENT, Api, decoded, read_own
from comptoir.core import http
from comptoir.core.errors import ChannelError
from comptoir.core.types import AccountConfig


def steps(account: AccountConfig) -> Sequence[Step]:
    """Return what there is to try: the homeserver, the token, the sync or the registration."""
    api = Api(account)

    def server() -> str:
        answer = http.get(f"{api.base}/_matrix/client/versions")  # without the token, which is tried next
        found = decoded(answer)
        if answer.is_success and isinstance(found, dict) and found.get("versions"):
            return ""
        return _("There is no homeserver at this address.")

    def token() -> str:
        read_own(api)
        return ""

    def rooms() -> str:
        api.ask("GET", f"{CLIENT}/joined_rooms")
        return ""

    def registration() -> str:
        return "" if account.credentials.get("hs_token") else _("Copy hs_token from the registration file.")

    found = [
        Step(_("The homeserver answers"), _in_words(server)),
        Step(_("The access token is accepted"), _in_words(token), needs_others=True),
        Step(_("Our rooms can be read"), _in_words(rooms), needs_others=True),
    ]
    if api.is_service:
        found.append(Step(_("The homeserver’s token is known"), registration))
    return found


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
