"""A token that ran out while nobody renewed it (the program stood still) is renewed when it is refused."""

from django.utils.translation import gettext as _

from comptoir.channels import renewing, services
from comptoir.channels.models import AccountHealth, ChannelAccount
from comptoir.core import clock
from comptoir.core.errors import ChannelError
from comptoir.core.types import AccountConfig

AGAIN_SECONDS = 30.0  # after which a renewal that another process makes, or that failed, is looked at again


def renewed_account(account: AccountConfig) -> AccountConfig | None:
    """Return the account with a fresher token than the refused one; None where a person must connect it again.

    Raises ChannelError where the token is being renewed elsewhere, or X could not be asked for another.
    """
    row = ChannelAccount.objects.filter(pk=account.id).first()
    if row is None or not account.credentials.get("refresh_token"):
        return None
    refused = account.credentials.get("token")
    known = services.account_config(row)
    if known.credentials.get("token") == refused:
        renewing.renew(row, clock.now())
        row.refresh_from_db()
        known = services.account_config(row)
    if known.credentials.get("token") != refused:
        return known
    if AccountHealth.objects.filter(account=row, revoked_at__isnull=False).exists():
        return None
    raise ChannelError(_("The access to X is being renewed."), retry_after=AGAIN_SECONDS, of_account=True)
