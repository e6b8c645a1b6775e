"""Tries the settings of an X account step by step and says in words what to do about each that fails."""

from collections.abc import Callable, Iterator, Sequence

from django.utils.translation import gettext as _

from comptoir.channels.base import Step
from comptoir.channels.x import client
from comptoir.channels.x.reading import held, number_of
from comptoir.core.errors import ChannelError
from comptoir.core.types import AccountConfig


def steps(account: AccountConfig) -> Sequence[Step]:
    """Return what there is to try: the token and whose it is, and the direct messages."""
    return [
        Step(_("The access token belongs to this account"), lambda: _outcome(lambda: _try_me(account))),
        Step(_("Direct messages may be read"), lambda: _outcome(lambda: _try_messages(account))),
    ]


def test(account: AccountConfig) -> Iterator[tuple[str, str]]:
    """Yield (step, error in words or '')."""
    for step in steps(account):
        yield step.label, step.run()


def _outcome(attempt: Callable[[], None]) -> str:
    try:
        attempt()
    except ChannelError as error:
        return str(error)
    return ""


def _try_me(account: AccountConfig) -> None:
    found = number_of(held(client.call(account, "GET", "2/users/me"), "data"), "id")
    if found != str(account.options.get("user_id", "")):
        said = _("The token belongs to the account with the number %(number)s. Enter that number, or another token.")
        raise ChannelError(said % {"number": found or "?"})


def _try_messages(account: AccountConfig) -> None:
    client.call(account, "GET", "2/dm_events?max_results=1")
