"""Comments of a page over the network (the Graph API)."""

from collections.abc import Iterator, Sequence

from comptoir.channels.base import HandOver, Renewed, Step
from comptoir.channels.facebook.render import preview, render
from comptoir.channels.graph import sending
from comptoir.core.types import AccountConfig, Outbound, Receipt


def send(message: Outbound, account: AccountConfig, hand_over: HandOver) -> Receipt:
    """Write below a comment or a post, or once in private to its author. Raises ChannelError."""
    return sending.send_all(render(message, account.options), message, account, hand_over)


def reconcile(message: Outbound, account: AccountConfig) -> Receipt | None:
    """Look for a doubtful answer below what it answers, or in the private conversation."""
    parts = [part.text for part in preview(message, account.options).parts]
    if not message.is_public:
        return sending.look_up_private(message, parts, account, platform="messenger")
    path, own = render(message, account.options)[0][0], str(account.options.get("page_id", ""))
    return sending.look_up_public(message, path, parts, account, own=own, name="message")


def hide(message_id: str, account: AccountConfig, *, hidden: bool) -> None:
    """Hide a visitor's comment or post, or show it again."""
    sending.hide(message_id, account, "is_hidden", hidden=hidden)


def profile(address: str, account: AccountConfig) -> str:
    """Return the name of a visitor; '' where the app may not see it."""
    return sending.profile(address, account, fields=("name",))


def renew(account: AccountConfig) -> Renewed:
    """Look once a day whether the page's token still works."""
    return sending.check_token(account)


def steps(account: AccountConfig) -> Sequence[Step]:
    """List what there is to try."""
    return sending.page_steps(account, wanted=("feed",))


def test(account: AccountConfig) -> Iterator[tuple[str, str]]:
    """Try the account step by step."""
    return sending.run(steps(account))
