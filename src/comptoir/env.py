"""Typed readers of environment variables, and the place where an installation keeps its files.

Every setting of the program is read here, so that a wrong value is refused at the start with a sentence
that says what to do. Nothing else in the product may look at `os.environ`.
"""

import os
import secrets
from pathlib import Path


class SettingError(SystemExit):
    """A setting has an impossible value; the program stops before it touches any data."""


def text(name: str, default: str = "") -> str:
    """Return the variable's text, or the default when it is unset or empty."""
    return os.environ.get(name) or default


def whole(name: str, default: int) -> int:
    """Return the variable as a whole number; stop with a clear sentence when it is not one."""
    raw = os.environ.get(name)
    if not raw:
        return default
    try:
        return int(raw)
    except ValueError:
        raise SettingError(f"comptoir: {name} must be a whole number, but it is {raw!r}.") from None


def flag(name: str, default: bool = False) -> bool:
    """Return the variable as a yes or no (1/0, true/false, yes/no, on/off)."""
    raw = os.environ.get(name, "").strip().lower()
    if not raw:
        return default
    if raw in {"1", "true", "yes", "on"}:
        return True
    if raw in {"0", "false", "no", "off"}:
        return False
    raise SettingError(f"comptoir: {name} must be yes or no, but it is {raw!r}.")


def words(name: str, default: str = "") -> list[str]:
    """Return a comma-separated variable as a list of words without surrounding spaces."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def home() -> Path:
    """Return the folder that holds the database, the attachments and the secret key of this installation."""
    return Path(text("COMPTOIR_HOME", str(Path.home() / ".comptoir"))).expanduser().resolve()


def secret_key() -> str:
    """Return the installation's secret key; the first call on a machine draws one and keeps it (mode 0600).

    Sessions, signed tokens and the encryption of credentials (INV-08) all derive from it. Where several
    machines serve one database, give each the same COMPTOIR_SECRET_KEY.
    """
    given = os.environ.get("COMPTOIR_SECRET_KEY")
    if given:
        return given
    path = home() / "secret.key"
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        pass
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written aside and linked into place, so that two processes that start together agree on one key.
    draft = path.with_name(f"secret.key.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(secrets.token_urlsafe(64))
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text().strip()
