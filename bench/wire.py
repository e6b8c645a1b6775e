"""Bytes on the wire of the desk's first load and of the next page, in a real Chromium."""

import json
from typing import Any

from playwright.sync_api import Page

from bench.browser import signed_in
from bench.figures import Bar, Result
from bench.generate import generate
from bench.installation import Installation

NAME = "wire"
SETTLE_MS = 3000  # the live stream never ends, so 'network idle' never comes
WORKER = ("/sw.js", "/offline")  # what the service worker adds to a first load, besides what the page has fetched
PEER = "Roundup 17, FreeScout 231, django-helpdesk 426, RT 1,760 (recorded)"


class Meter:
    """Adds up what Chromium received, headers included, as sent (compressed)."""

    def __init__(self, page: Page) -> None:
        self.requests: dict[str, tuple[str, int]] = {}
        self._urls: dict[str, str] = {}
        session = page.context.new_cdp_session(page)
        session.on("Network.requestWillBeSent", self._asked)
        session.on("Network.loadingFinished", self._finished)
        session.send("Network.enable")

    def _asked(self, event: dict[str, Any]) -> None:
        self._urls[event["requestId"]] = event["request"]["url"]

    def _finished(self, event: dict[str, Any]) -> None:
        self.requests[event["requestId"]] = (self._urls.get(event["requestId"], "?"), int(event["encodedDataLength"]))

    def take(self) -> tuple[float, int, list[tuple[str, int]]]:
        """Return kilobytes, requests and the largest ones since the last call."""
        found = sorted(self.requests.values(), key=lambda item: -item[1])
        self.requests = {}
        return sum(size for _, size in found) / 1000, len(found), found


def _size(page: Page, url: str) -> int:
    """Return the bytes of an answer as they are sent, headers included."""
    sizes = page.context.request.get(url)
    assert sizes.ok, f"{url}: {sizes.status}"
    length = sizes.headers.get("content-length")
    assert length is not None, f"{url} does not say how long it is"
    return int(length) + sum(len(name) + len(value) + 4 for name, value in sizes.headers.items())


def run() -> Result:
    """Load the queue with a cold cache, then open a conversation."""
    result = Result(
        NAME,
        "Bytes on the wire",
        "Chromium, 1440 by 900, a queue of 50 rows: every request of the first load with an empty cache (page, style "
        "sheets, scripts, typefaces, icons), then of opening a conversation; as sent, headers included. The "
        "service worker is left out while pages are counted, as it would hide requests; what it fetches besides is "
        "added to the first load.",
    )
    with Installation() as place:
        place.start_postgres()
        place.ask("bench.prepare", "{}")
        for _ in generate(place.database_url, 5000, 20_000):
            pass
        told = place.ask("bench.prepare", json.dumps({}))
        place.start("web", "web")
        place.wait_for_web()
        with signed_in(place.url, told["session"], has_worker=False) as context:
            page = context.new_page()
            meter = Meter(page)
            page.goto(place.url + "/")
            page.wait_for_timeout(SETTLE_MS)
            kilobytes, count, largest = meter.take()
            base = place.url
            apart = [(path, _size(page, base + path)) for path in WORKER]
            kilobytes, count = kilobytes + sum(size for _path, size in apart) / 1000, count + len(apart)
            largest = sorted([*largest, *apart], key=lambda item: -item[1])
            meter.take()
            result.add("first load of the desk", kilobytes, "kB", bar=Bar(120), peer=PEER)
            result.add("requests of the first load", count, "requests")
            told_largest = ", ".join(f"{url.removeprefix(base)} {size / 1000:.1f} kB" for url, size in largest[:8])
            result.notes.append(f"The largest: {told_largest}.")
            link = page.locator("#queue a[href*='/conversations/']").first.get_attribute("href")
            page.goto(f"{place.url}{link}")
            page.wait_for_timeout(SETTLE_MS)
            kilobytes, count, largest = meter.take()
            result.add("next page: a conversation", kilobytes, "kB", bar=Bar(15))
            result.add("requests of the next page", count, "requests")
            page.goto(place.url + "/")
            page.wait_for_timeout(SETTLE_MS)
            result.add("back to the queue", meter.take()[0], "kB", bar=Bar(15))
    for figure in result.figures:
        print(f"  {figure.label}: {figure.median:.1f} {figure.unit}", flush=True)
    return result
