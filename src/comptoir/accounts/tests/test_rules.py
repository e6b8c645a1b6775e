"""The pure decisions about people."""

from datetime import UTC, datetime, timedelta

import pytest

from comptoir.accounts.rules import Standing, domains_of, is_admitted, is_safe_provider, standing

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("case", "accepted", "withdrawn", "expires", "expected"),
    [
        ("fresh", None, None, AT + DAY, Standing.PENDING),
        ("the last instant", None, None, AT + timedelta(microseconds=1), Standing.PENDING),
        ("just over", None, None, AT, Standing.EXPIRED),
        ("used", AT - DAY, None, AT + DAY, Standing.ACCEPTED),
        ("used, long ago", AT - DAY, None, AT - DAY, Standing.ACCEPTED),
        ("withdrawn", None, AT - DAY, AT + DAY, Standing.WITHDRAWN),
    ],
)
def test_an_invitation_stands_until_it_is_used_withdrawn_or_old(
    case: str, accepted: datetime | None, withdrawn: datetime | None, expires: datetime, expected: Standing
) -> None:
    assert standing(accepted_at=accepted, withdrawn_at=withdrawn, expires_at=expires, at=AT) is expected, case


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://login.acme.example", True),
        ("https://login.acme.example:8443/realms/acme", True),
        ("http://localhost:8080/realm", True),
        ("http://127.0.0.1:8080", True),
        ("http://[::1]:8080", True),
        ("http://login.acme.example", False),
        ("http://localhost.acme.example", False),
        ("https://user@login.acme.example", False),
        ("https://", False),
        ("https://acme.example:port/", False),
        ("https://acme.example/#x", False),
        ("ftp://acme.example", False),
        ("javascript:alert(1)", False),
        ("", False),
    ],
)
def test_a_provider_is_asked_by_https_or_on_this_machine(url: str, expected: bool) -> None:
    assert is_safe_provider(url) is expected


@pytest.mark.parametrize(
    ("email", "domains", "expected"),
    [
        ("ada@acme.example", [], True),
        ("ada@acme.example", ["acme.example"], True),
        ("ada@ACME.example", ["Acme.Example"], True),
        ("ada@evil-acme.example", ["acme.example"], False),
        ("ada@sub.acme.example", ["acme.example"], False),
        ("", ["acme.example"], False),
    ],
)
def test_only_the_named_domains_come_in(email: str, domains: list[str], expected: bool) -> None:
    assert is_admitted(email, domains) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("acme.com\n@Acme.fr, acme.com ; acme.io", ["acme.com", "acme.fr", "acme.io"]),
        ("@", []),
    ],
)
def test_domains_are_read_however_they_are_written(text: str, expected: list[str]) -> None:
    assert domains_of(text) == expected
