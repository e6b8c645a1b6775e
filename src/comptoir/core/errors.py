"""The one tree of errors.

ComptoirError
├── InputError            shown to the person; says what to do
├── AccessDenied          not theirs to see or change
├── Conflict              lost a race; try again
├── RuleBroken            an invariant would not hold (names it)
├── ChannelError          a platform or a server refused or failed (permanent, retry_after)
│   └── DoubtfulDelivery  failed after the hand-over: it may have arrived; never sent again unasked (INV-03)
├── UnsupportedEvent      known, of no interest here: acknowledged and ignored, with the reason
└── AnomalousPayload      not from this service, or not readable: set aside with the reason
"""


class ComptoirError(Exception):
    """The root: everything that the product raises on purpose."""


class InputError(ComptoirError):
    """What a person gave cannot be used; the message is shown to them and says what to do.

    `field` names the field of the form, where there is one.
    """

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class AccessDenied(ComptoirError):
    """The row is not theirs. Screens answer 404, so that a stranger does not learn what exists (INV-06)."""


class Conflict(ComptoirError):
    """Somebody else was faster; the caller may load the row again and retry."""


class RuleBroken(ComptoirError):
    """An invariant would be broken; nothing was written."""

    def __init__(self, invariant: str, message: str) -> None:
        super().__init__(f"{invariant}: {message}")
        self.invariant = invariant


class ChannelError(ComptoirError):
    """A platform refused or failed. `permanent` forbids a retry; `retry_after` is in seconds.

    `of_account` says that the account itself does not work (sign-in, server away), not this one message; `is_revoked`
    that it will not work again before a person has connected it anew: its messages wait meanwhile.
    """

    def __init__(
        self,
        message: str,
        *,
        permanent: bool = False,
        retry_after: float | None = None,
        of_account: bool = False,
        is_revoked: bool = False,
    ) -> None:
        super().__init__(message)
        self.of_account = of_account or is_revoked
        self.is_revoked = is_revoked
        self.permanent = permanent
        self.retry_after = retry_after


class DoubtfulDelivery(ChannelError):
    """The provider fell silent after the hand-over: the message may have been accepted, or not (INV-03).

    The outbox marks it unconfirmed and reconciles; it is never sent again unless a person asks.
    """


class UnsupportedEvent(ComptoirError):
    """The service sent something that we know and do not use; the record is marked ignored."""


class AnomalousPayload(ComptoirError):
    """The bytes are not what this service sends; the record is set aside as failed and can be replayed."""
