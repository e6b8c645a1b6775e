"""Messenger over the network: the Send API, and what all networks of Meta do alike (graph/sending.py)."""

from collections.abc import Iterator, Sequence

from django.utils.translation import gettext as _

from comptoir.channels.base import HandOver, Renewed, Step
from comptoir.channels.graph import sending
from comptoir.channels.graph.client import upload, with_proof
from comptoir.channels.graph.envelope import FILE_MOST, frame, recipient_of, type_of
from comptoir.channels.graph.untrusted import ident
from comptoir.channels.messenger.render import preview, render
from comptoir.core.errors import ChannelError
from comptoir.core.types import AccountConfig, Delivered, Outbound, OutboundFile, Receipt

WANTED = (
    "messages", "messaging_postbacks", "messaging_referrals", "message_echoes", "message_deliveries",
    "message_reads", "message_reactions", "message_edits",
)  # fmt: skip


def send(message: Outbound, account: AccountConfig, hand_over: HandOver) -> Receipt:
    """Send the parts of the text, then the files, each as a message of its own. Raises ChannelError."""
    for file in message.files:
        if len(file.content) > FILE_MOST:
            words = _("“%(name)s” is larger than 25 MB; Messenger takes no more.") % {"name": file.filename}
            raise ChannelError(words, permanent=True)
    calls = [("me/messages", values) for values in render(message, account.options)]
    receipt = sending.send_all(calls, message, account, hand_over) if calls else None
    last = receipt.provider_id if receipt else ""
    for file in message.files[max(0, len(hand_over.sent) - len(calls)) :]:
        last = _send_file(file, message, account, hand_over)
    if not last:
        raise ChannelError(_("There is nothing to send: the text is empty."), permanent=True)
    return Receipt(message.key, Delivered.SENT, last)


def _send_file(file: OutboundFile, message: Outbound, account: AccountConfig, hand_over: HandOver) -> str:
    """Upload one file, which delivers nothing yet, and send it."""
    kind = type_of(file)
    attachment = {"attachment": {"type": kind, "payload": {"is_reusable": True}}}
    answer = upload(account, with_proof(account, "me/message_attachments"), values={"message": attachment}, file=file)
    uploaded = ident(answer, "attachment_id")
    if not uploaded:
        raise ChannelError(_("The platform did not keep “%(name)s”.") % {"name": file.filename})
    content = {"attachment": {"type": kind, "payload": {"attachment_id": uploaded}}, "metadata": message.key[:300]}
    values = frame(message, recipient_of(message), content=content)
    return sending.post(account, "me/messages", values, field="message_id", hand_over=hand_over)


def reconcile(message: Outbound, account: AccountConfig) -> Receipt | None:
    """Look for a doubtful text in the conversation; files cannot be told apart there."""
    if message.files:
        return None
    parts = [part.text for part in preview(message, account.options).parts]
    return sending.look_up_private(message, parts, account, platform="messenger")


def profile(address: str, account: AccountConfig) -> str:
    """Return the name of a person who wrote to the page; '' where the app may not see it."""
    return sending.profile(address, account, fields=("name",))


def renew(account: AccountConfig) -> Renewed:
    """Look once a day whether the page's token still works."""
    return sending.check_token(account)


def steps(account: AccountConfig) -> Sequence[Step]:
    """List what there is to try."""
    return sending.page_steps(account, wanted=WANTED)


def test(account: AccountConfig) -> Iterator[tuple[str, str]]:
    """Try the account step by step."""
    return sending.run(steps(account))
