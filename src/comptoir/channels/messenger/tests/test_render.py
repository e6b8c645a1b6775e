"""No part is longer than Messenger takes, whatever is written; nothing gets lost."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from comptoir.channels.messenger.render import preview, render
from comptoir.core.types import Author, Outbound

TEXTS = st.text(max_size=200) | st.builds(
    lambda word, count: word * count, st.text(min_size=1, max_size=12), st.integers(1, 1500)
)


def outbound(text: str) -> Outbound:
    return Outbound(key="k", text=text, to=(Author("facebook", "77"),), thread_key="dm:77", choices=("Oui", "Non"))


@settings(max_examples=150, deadline=None)
@given(text=TEXTS)
def test_parts_fit_and_hold_the_whole_text(text: str) -> None:
    calls = render(outbound(text), {})
    told = [call["message"]["text"] for call in calls]
    assert all(0 < len(part) <= 2000 for part in told)
    assert [part.length for part in preview(outbound(text), {}).parts if part.text] == [len(part) for part in told]
    whole = text.encode(errors="replace").decode()
    bare = [re.sub(r" \(\d+/\d+\)\Z", "", part) for part in told] if len(told) > 1 else told
    assert "".join("".join(bare).split()) == "".join(whole.split())
    assert all("quick_replies" not in call["message"] for call in calls[:-1])
    assert not calls or [q["payload"] for q in calls[-1]["message"]["quick_replies"]] == ["Oui", "Non"]
