"""Tries the settings of a WhatsApp account step by step and says in words what to do about each that fails."""

from collections.abc import Callable, Iterator, Sequence
from urllib.parse import quote

from django.utils.translation import gettext as _

from comptoir.channels.base import Step
from comptoir.channels.graph import client as graph
from comptoir.core.errors import ChannelError
from comptoir.core.types import AccountConfig


def steps(account: AccountConfig) -> Sequence[Step]:
    """Return what there is to try: the number, the business account, the subscription of the webhook."""
    return [
        Step(_("The access token and the phone number"), lambda: _outcome(lambda: _try_number(account))),
        Step(_("The business account and its approved texts"), lambda: _outcome(lambda: _try_business(account))),
        Step(_("Messages are sent to this installation"), lambda: _outcome(lambda: _try_webhook(account))),
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


def _path(account: AccountConfig, option: str) -> str:
    return quote(str(account.options.get(option, "")), safe="")


def _try_number(account: AccountConfig) -> None:
    told = graph.call(account, _path(account, "phone_number_id"), values={"fields": "display_phone_number"})
    if not told.get("display_phone_number"):
        raise ChannelError(_("This is not the id of a phone number. Copy “Phone number ID”, not the number itself."))


def _try_business(account: AccountConfig) -> None:
    graph.call(account, f"{_path(account, 'business_id')}/message_templates", values={"limit": 1})


def _try_webhook(account: AccountConfig) -> None:
    told = graph.call(account, f"{_path(account, 'business_id')}/subscribed_apps")
    if not told.get("data"):
        raise ChannelError(_("No app is subscribed to this business account. Subscribe the webhook to “messages”."))
