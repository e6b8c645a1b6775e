"""Web addresses that somebody typed: whether requests can be sent to one at all. `hosts` says which may be reached."""

from urllib.parse import urlsplit

MAX_URL = 500  # characters


def is_usable_url(url: str) -> bool:
    """Whether this is an absolute http(s) address without a user name, in ASCII, of at most 500 characters."""
    try:
        parts = urlsplit(url)
        has_host = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
    is_plain = len(url) <= MAX_URL and url.isascii() and url.isprintable() and " " not in url
    return has_host and is_plain and "@" not in parts.netloc
