"""Payloads of the sources, synthetic."""

import json
from typing import Any


def jetstream(
    text: str, *, rkey: str = "3k1", did: str = "did:plc:ada", time_us: int = 1, operation: str = "create",
    collection: str = "app.bsky.feed.post", lang: str = "en",
) -> str:  # fmt: skip
    """Return one message of the firehose."""
    record = {
        "$type": collection, "text": text, "langs": [lang], "createdAt": "2026-11-26T12:00:00.000Z",
        "facets": [{"index": {"byteStart": 0, "byteEnd": 1}, "features": [
            {"$type": "app.bsky.richtext.facet#tag", "tag": word[1:]} for word in text.split() if word.startswith("#")
        ]}],
    }  # fmt: skip
    commit: dict[str, Any] = {"rev": "1", "operation": operation, "collection": collection, "rkey": rkey}
    if operation != "delete":
        commit |= {"record": record, "cid": "bafycid"}
    return json.dumps({"did": did, "time_us": time_us, "kind": "commit", "commit": commit})


def status(number: str, html: str, **changed: Any) -> dict[str, Any]:
    """Return one status of Mastodon."""
    return {
        "id": number, "created_at": "2026-11-26T11:30:00.000Z", "visibility": "public", "language": "en",
        "uri": f"https://social.example/users/ada/statuses/{number}", "url": f"https://social.example/@ada/{number}",
        "content": html, "spoiler_text": "", "reblog": None, "tags": [{"name": "panne", "url": "https://x"}],
        "mentions": [{"id": "1", "acct": "ondavelle", "username": "ondavelle"}],
        "account": {"id": "9", "username": "ada", "acct": "ada@social.example", "display_name": "Ada",
                    "url": "https://social.example/@ada", "followers_count": 42},
        **changed,
    }  # fmt: skip


RSS = """<?xml version='1.0' encoding='UTF-8'?>
<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"
     xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel>
<title>The Lyon Courier</title><language>fr-fr</language>
<item><title>Ondavelle’s outage &amp;amp; more</title><guid isPermaLink="false">tag:1</guid>
<link>https://press.example.org/1</link><dc:creator>Ada Martin</dc:creator><category>telecoms</category>
<pubDate>Thu, 26 Nov 2026 12:00:00 +0100</pubDate>
<description>short</description>
<content:encoded><![CDATA[<p>Three hours <i>without</i> a network.</p>]]></content:encoded></item>
<item><title>Weather</title><guid>http://press.example.org/2</guid></item>
</channel></rss>"""

ATOM = """<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>Forum</title>
<entry><id>urn:1</id><title type="html">My box</title><link rel="self" href="https://forum.example.org/self"/>
<link href="https://forum.example.org/t/1"/><author><name>tom</name></author>
<updated>2026-11-26T11:30:00+01:00</updated>
<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">Ondavelle <b>box</b> is dead since monday</div>
</content></entry></feed>"""

RSS1 = """<?xml version="1.0"?><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
xmlns="http://purl.org/rss/1.0/"><channel rdf:about="x"><title>Old</title></channel>
<item rdf:about="https://press.example.org/9"><title>Ondavelle</title><link>https://press.example.org/9</link></item>
</rdf:RDF>"""
