"""A real Chromium, signed in, for what only a browser can tell."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import BrowserContext, sync_playwright

from bench.peer_files import MissingError

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")


@contextmanager
def signed_in(url: str, session: str, *, has_worker: bool = True) -> Iterator[BrowserContext]:
    """Open a fresh profile that holds the session. Raises MissingError where there is no Chromium.

    What a service worker fetches, the page's own record of its requests does not tell: without one it does.
    """
    if not Path(CHROMIUM).exists():
        raise MissingError(f"needs Chromium at {CHROMIUM}; make test-all installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        allowed = "allow" if has_worker else "block"
        context = browser.new_context(viewport={"width": 1440, "height": 900}, service_workers=allowed)
        context.add_cookies([{"name": "sessionid", "value": session, "url": url}])
        try:
            yield context
        finally:
            context.close()
            browser.close()
