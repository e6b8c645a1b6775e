"""Where the peers' workload and the recorded mails are: beside the checkout, or where a variable says."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class MissingError(Exception):
    """A benchmark cannot run here; the message says what it needs."""


def workload() -> Path:
    """Return the folder with gen_mails.py and check.py. Raises MissingError."""
    folder = Path(os.environ.get("COMPTOIR_WORKLOAD") or ROOT.parent / "shared" / "bench")
    if not (folder / "gen_mails.py").exists():
        raise MissingError(f"needs gen_mails.py and check.py in {folder}; COMPTOIR_WORKLOAD names another folder")
    return folder


def fixtures() -> Path:
    """Return the folder with the recorded mails. Raises MissingError."""
    folder = Path(os.environ.get("COMPTOIR_FIXTURES") or ROOT.parent / "shared" / "fixtures")
    if not (folder / "mail-parse").exists():
        raise MissingError(f"needs the recorded mails in {folder}; COMPTOIR_FIXTURES names another folder")
    return folder
