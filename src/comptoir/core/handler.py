"""Django under ASGI with one hop: middleware and view run together in one thread of a small pool.

Django's own ASGI handler walks from the event loop into a thread and back for every middleware that is not written
twice. All our views and middlewares are synchronous, so that walk is pure cost: it was half of a page's time.
"""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.core.handlers.base import BaseHandler
from django.db import connection
from django.http.response import HttpResponseBase

THREADS = 8  # pages of one process at the same time; more would only wait for the interpreter and the database pool
# What a page's scripts ask for by themselves (desk-live.js, together.js) says so, waits in a line of its own, and
# begins only while nobody waits for a page: five hundred open desks that look again must not stand in the way of the
# one person who has just pressed a key. Two that compute at once share the interpreter, and both take twice as long.
UNASKED = "HTTP_COMPTOIR_UNASKED"
UNASKED_THREADS = 1
LONGEST_YIELD = 1.0  # seconds; on a busy day there is always somebody


class OneHopHandler(ASGIHandler):
    """An ASGI handler with a synchronous middleware chain."""

    def __init__(self) -> None:
        BaseHandler.__init__(self)
        self.load_middleware(is_async=False)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="page")
        self._unasked = ThreadPoolExecutor(UNASKED_THREADS, thread_name_prefix="look")
        self._asked = 0  # pages that somebody waits for; counted in the event loop alone
        self._calm = threading.Event()
        self._calm.set()

    async def get_response_async(self, request: ASGIRequest) -> HttpResponseBase:  # type: ignore[override]
        """Answer a request in a thread."""
        loop = asyncio.get_running_loop()
        if UNASKED in request.META:
            return await loop.run_in_executor(self._unasked, self._yielding, request)
        self._asked += 1
        self._calm.clear()
        try:
            return await loop.run_in_executor(self._threads, self._answer, request)
        finally:
            self._asked -= 1
            if not self._asked:
                self._calm.set()

    def _yielding(self, request: ASGIRequest) -> HttpResponseBase:
        self._calm.wait(LONGEST_YIELD)
        return self._answer(request)

    def _answer(self, request: ASGIRequest) -> HttpResponseBase:
        try:
            return self.get_response(request)
        finally:
            connection.close()  # back into the pool from the thread that took it
