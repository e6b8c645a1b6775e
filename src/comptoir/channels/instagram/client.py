"""Instagram over the network: by the token of the page that it is linked to, or by its own (60 days, renewed here)."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from urllib.parse import quote

from django.utils.translation import gettext as _

from comptoir.channels.base import HandOver, Renewed, Step
from comptoir.channels.graph import sending
from comptoir.channels.graph.client import call, with_proof
from comptoir.channels.graph.untrusted import ident, number, text
from comptoir.channels.instagram.render import preview, render
from comptoir.core import clock
from comptoir.core.errors import ChannelError
from comptoir.core.types import AccountConfig, Outbound, Receipt

PAGE, OWN = "page", "instagram"  # whose token it is
OWN_BASE = "https://graph.instagram.com/v23.0"
WANTED = ("messages", "comments")  # without these nothing works; the others are of use
AHEAD = timedelta(days=10)  # before its end a token is renewed: it can be at any age of more than a day


def _reached(account: AccountConfig) -> AccountConfig:
    """Return the account with the base address that its kind of token is for."""
    if account.options.get("login") != OWN or account.options.get("api_url"):
        return account
    return replace(account, options={**account.options, "api_url": OWN_BASE})


def send(message: Outbound, account: AccountConfig, hand_over: HandOver) -> Receipt:
    """Send a message, an answer to a comment, or the one private reply to it. Raises ChannelError."""
    return sending.send_all(render(message, account.options), message, _reached(account), hand_over)


def reconcile(message: Outbound, account: AccountConfig) -> Receipt | None:
    """Look for a doubtful answer in its conversation, or below the comment that it answers."""
    parts = [part.text for part in preview(message, account.options).parts]
    if not message.is_public:
        return sending.look_up_private(message, parts, _reached(account), platform="instagram")
    path, own = render(message, account.options)[0][0], str(account.options.get("account_id", ""))
    return sending.look_up_public(message, path, parts, _reached(account), own=own, name="text")


def hide(message_id: str, account: AccountConfig, *, hidden: bool) -> None:
    """Hide a stranger's comment, or show it again."""
    sending.hide(message_id, _reached(account), "hide", hidden=hidden)


def profile(address: str, account: AccountConfig) -> str:
    """Return the name of a person who wrote, or their user name."""
    return sending.profile(address, _reached(account), fields=("name", "username"))


def renew(account: AccountConfig) -> Renewed:
    """Renew a token of 60 days; of a page's token, look once a day whether it still works. Raises ChannelError."""
    reached = _reached(account)
    if account.options.get("login") != OWN:
        return sending.check_token(reached)
    values = {"grant_type": "ig_refresh_token", "access_token": account.credentials.get("token", "")}
    try:
        answer = call(reached, "refresh_access_token", values=values)
    except ChannelError as error:
        if not error.permanent:
            raise
        return sending.check_token(reached)  # a token of the first day cannot be renewed yet
    fresh, seconds = text(answer, "access_token", most=2000), number(answer, "expires_in")
    if not fresh:
        raise ChannelError(_("The platform renewed the token without naming the new one."))
    ends_at = clock.now() + timedelta(seconds=min(max(seconds, 0), 10**8)) - AHEAD if seconds else None
    return Renewed({"token": fresh}, ends_at)


def steps(account: AccountConfig) -> Sequence[Step]:
    """List what there is to try."""
    reached, wanted = _reached(account), str(account.options.get("account_id", ""))

    def whose() -> None:
        field = "user_id" if account.options.get("login") == OWN else "id"
        path = "me" if field == "user_id" else quote(wanted, safe="")
        answer = call(reached, with_proof(reached, path), values={"fields": f"{field},username"})
        if (found := ident(answer, field)) != wanted:
            words = _("The token belongs to the account %(id)s. Enter this ID, or take another token.")
            raise ChannelError(words % {"id": found or "?"})

    found = [Step(_("The token works and belongs to the account"), lambda: sending.outcome(whose))]
    if account.options.get("login") == OWN:  # with a page's token it is the page that sends them
        label = _("The account sends its events")
        found.append(sending.subscription_step(reached, "me", wanted=WANTED, label=label))
    return found


def test(account: AccountConfig) -> Iterator[tuple[str, str]]:
    """Try the account step by step."""
    return sending.run(steps(account))
