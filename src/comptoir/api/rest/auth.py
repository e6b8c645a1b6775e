"""Who calls: a token in the Authorization header, its scopes, its rate, and the size of what it sends."""

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja.security import HttpBearer

from comptoir.accounts.models import User
from comptoir.api import services
from comptoir.api.models import Token
from comptoir.api.queries import token_by_secret
from comptoir.api.rest.problems import MissingScope, TooLarge, TooMany
from comptoir.core import clock, ratelimit
from comptoir.journal.services import Actor

# Ten requests a second on average, with bursts of ten seconds' worth: a sync that pages through everything is fine,
# a loop that went wrong is not.
LIMIT = ratelimit.Limit("api-token", count=600, per=60)
MAX_TOKEN = 200  # characters; ours have 47


class Bearer(HttpBearer):
    """A token with a scope."""

    def __init__(self, scope: str) -> None:
        super().__init__()
        self.scope = scope

    def authenticate(self, request: HttpRequest, token: str) -> Token | None:
        """Return the token behind the header, or None; raises when it may not do this, or not now."""
        row = token_by_secret(token) if 0 < len(token) <= MAX_TOKEN else None
        if row is None:
            return None
        at = clock.now()
        if wait := ratelimit.take(LIMIT, row.pk, at=at):
            raise TooMany(wait)
        services.note_used(token=row, at=at)
        if self.scope not in row.scopes or (self.scope == "admin" and not row.user.is_admin):
            raise MissingScope(_("This token does not have the scope “%(scope)s”.") % {"scope": self.scope})
        if self.scope == "write" and not row.user.may_write:
            raise MissingScope(_("This token acts as an auditor, who reads and changes nothing."))
        try:
            size = len(request.body)
        except RequestDataTooBig:
            raise TooLarge from None
        if size > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:  # a body without a declared length
            raise TooLarge
        return row


READ, WRITE, ADMIN = Bearer("read"), Bearer("write"), Bearer("admin")


def token_of(request: HttpRequest) -> Token:
    """Return the token of a request that was let in."""
    token: Token = request.auth  # type: ignore[attr-defined]  # set by ninja
    return token


def caller(request: HttpRequest) -> tuple[Actor, User]:
    """Return the token as an actor of the journal, and the person with whose teams it acts (INV-06)."""
    token = token_of(request)
    return Actor("token", token.pk, token.name), token.user
