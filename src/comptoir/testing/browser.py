"""A real server in this process and a real Chromium, for tests of the public screens.

The server is uvicorn around the ASGI application, on the test's own database; static files come from the source tree.
"""

import asyncio
import mimetypes
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.db import connections
from django.http import HttpResponse
from playwright.sync_api import Browser, sync_playwright

from comptoir.core.staticfiles import BUNDLE, bundle_css
from comptoir.testing.plugin import CHROMIUM


class _Static(ASGIStaticFilesHandler):
    """Static files from where they are written, and the joined stylesheet, which exists only after collecting."""

    def serve(self, request: Any) -> Any:
        """Serve one file."""
        path = self.file_path(request.path)
        if path.replace("\\", "/") == BUNDLE:
            return HttpResponse(bundle_css(), content_type="text/css")
        found = finders.find(path)
        if not isinstance(found, str):
            return HttpResponse(status=404)
        # Read at once: a browser that leaves in the middle of a streamed file would leave it open.
        return HttpResponse(Path(found).read_bytes(), content_type=mimetypes.guess_type(found)[0])


@dataclass(slots=True)
class Site:
    """A running server."""

    url: str
    server: uvicorn.Server


@contextmanager
def running_site(port: int = 0) -> Iterator[Site]:
    """Serve the whole application on loopback."""
    from comptoir.asgi import application

    static: Any = _Static
    config = uvicorn.Config(
        static(application), host="127.0.0.1", port=port, log_level="warning", lifespan="off", access_log=False,
        timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    chosen = server.servers[0].sockets[0].getsockname()[1]
    settings.PUBLIC_URL = f"http://127.0.0.1:{chosen}"
    try:
        yield Site(f"http://127.0.0.1:{chosen}", server)
    finally:
        server.should_exit = True
        thread.join(10)
        time.sleep(0.2)  # a thread that answered the last request a moment ago gives its connection back
        connections["default"].close_pool()  # type: ignore[attr-defined]  # PostgreSQL has one; the server's threads left their connections in it


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """Start Chromium without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()
