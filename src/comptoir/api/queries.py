"""The readers of tokens and webhooks, for the settings page and the API's door."""

from django.db.models import Count, Q, QuerySet

from comptoir.api.models import Token, Webhook, WebhookCall
from comptoir.api.services import digest_of

LOG_PAGE = 50


def token_by_secret(secret: str) -> Token | None:
    """Return the token if it is in force and its person still works here."""
    found = Token.objects.select_related("user").filter(digest=digest_of(secret), revoked_at=None, user__is_active=True)
    return found.first()


def all_tokens() -> QuerySet[Token]:
    """Return all tokens, those in force first, newest first."""
    return Token.objects.select_related("user").order_by("revoked_at", "-id")


def all_webhooks() -> QuerySet[Webhook]:
    """Return all webhooks with the number of calls that wait and that failed."""
    return (
        Webhook.objects.select_related("user")
        .annotate(
            due=Count("calls", filter=Q(calls__state=WebhookCall.State.DUE)),
            failed=Count("calls", filter=Q(calls__state=WebhookCall.State.FAILED)),
        )
        .order_by("name", "id")
    )


def log_of(webhook: Webhook, *, before: int | None = None) -> list[WebhookCall]:
    """Return one page of a webhook's log, newest first."""
    found = WebhookCall.objects.filter(webhook=webhook)
    if before is not None:
        found = found.filter(pk__lt=before)
    return list(found.order_by("-id")[:LOG_PAGE])
