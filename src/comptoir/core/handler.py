"""Django under ASGI with one hop: middleware and view run together in one thread of a small pool.

Django's own ASGI handler walks from the event loop into a thread and back for every middleware that is not written
twice. All our views and middlewares are synchronous, so that walk is pure cost: it was half of a page's time.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.core.handlers.base import BaseHandler
from django.db import connection
from django.http.response import HttpResponseBase

THREADS = 8  # pages of one process at the same time; more would only wait for the interpreter and the database pool


class OneHopHandler(ASGIHandler):
    """An ASGI handler with a synchronous middleware chain."""

    def __init__(self) -> None:
        BaseHandler.__init__(self)
        self.load_middleware(is_async=False)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="page")

    async def get_response_async(self, request: ASGIRequest) -> HttpResponseBase:  # type: ignore[override]
        """Answer a request in a thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._answer, request)

    def _answer(self, request: ASGIRequest) -> HttpResponseBase:
        try:
            return self.get_response(request)
        finally:
            connection.close()  # back into the pool from the thread that took it
