"""A token that ran out while nobody renewed it (the program stood still) is renewed when it is refused."""

from comptoir.channels import renewing, services
from comptoir.channels.models import ChannelAccount
from comptoir.core import clock
from comptoir.core.types import AccountConfig


def renewed_account(account: AccountConfig) -> AccountConfig | None:
    """Return the account with a token that is fresher than the refused one, or None where there is none to be had."""
    if not account.credentials.get("refresh_token"):
        return None
    row = ChannelAccount.objects.filter(pk=account.id).first()
    if row is None:
        return None
    known = services.account_config(row)
    if known.credentials.get("token") == account.credentials.get("token"):
        renewing.renew(row, clock.now())
        row.refresh_from_db()
        known = services.account_config(row)
    return known if known.credentials.get("token") != account.credentials.get("token") else None
