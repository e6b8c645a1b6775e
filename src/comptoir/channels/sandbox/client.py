"""Deliver by HTTP to the address in the options; without one the message goes nowhere and counts as delivered."""

from comptoir.channels.base import HandOver
from comptoir.channels.sandbox.render import render
from comptoir.channels.sandbox.verify import sign
from comptoir.core import http
from comptoir.core.errors import ChannelError, DoubtfulDelivery
from comptoir.core.types import AccountConfig, Delivered, Outbound, Receipt

TIMEOUT = 10.0  # seconds


def send(message: Outbound, account: AccountConfig, hand_over: HandOver) -> Receipt:
    """Send one message; 2xx is delivered, 429 and 5xx are tried again, anything else is final."""
    url = str(account.options.get("url", ""))
    if not url:
        hand_over()
        return Receipt(message.key, Delivered.DELIVERED)
    body = render(message, account.options)
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": message.key,
        "Comptoir-Signature": sign(body, account.credentials.get("secret", "")),
    }
    hand_over()
    try:
        response = http.post(url, body=body, headers=headers, timeout=TIMEOUT)
    except ChannelError as error:
        if error.permanent:
            raise
        raise DoubtfulDelivery(str(error)) from error
    if response.status in {200, 201, 202, 204}:
        return Receipt(message.key, Delivered.DELIVERED)
    temporary = response.status == 429 or response.status >= 500
    raise ChannelError(f"The receiver answered {response.status}.", permanent=not temporary)


def reconcile(message: Outbound, account: AccountConfig) -> Receipt | None:
    """Ask the receiver: GET <url>?key=… answers 200 when it has the message, 404 when it certainly has not."""
    url = str(account.options.get("url", ""))
    if not url:
        return Receipt(message.key, Delivered.DELIVERED)
    response = http.get(f"{url}?key={message.key}", timeout=TIMEOUT)
    if response.status == 200:
        return Receipt(message.key, Delivered.DELIVERED)
    return Receipt(message.key, Delivered.QUEUED) if response.status == 404 else None
