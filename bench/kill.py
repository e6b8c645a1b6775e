"""The long form of the kill test: 20,000 messages, each delivered twice and shuffled, and 500 replies."""

from bench.figures import Bar, Result
from bench.installation import ROOT  # noqa: F401  # puts src/ on the path
from comptoir.testing.killing import Size
from comptoir.testing.killing import run as run_scenario

NAME = "kill"
MESSAGES, REPLIES = 20_000, 500


def run(messages: int = MESSAGES, replies: int = REPLIES) -> Result:
    """Run the scenario of tests/test_kill.py at full length and count what broke."""
    result = Result(
        NAME,
        "Kill test",
        f"`comptoir up` takes {messages:,} messages by the webhook door, each delivered twice and shuffled, and sends "
        f"{replies} replies to an HTTP receiver that counts, while web, worker and PostgreSQL are killed (kill -9) in "
        "turn at random moments. Clients post again until they get a 200.",
    )
    found = run_scenario(
        Size(messages, replies, kills=12, pause=(3.0, 7.0), seed=4), tell=lambda told: print(f"  {told}", flush=True)
    )
    result.add("acknowledged posts", found.acknowledged, "of " + f"{2 * messages:,}")
    result.add("posts refused or cut off, and sent again", found.refused, "posts")
    result.add("messages in the queue", found.messages, f"of {messages:,}", bar=Bar(messages, at_least=True))
    result.add("conversations", found.conversations, f"of {-(-messages // 3):,}")
    result.add("replies delivered exactly once", found.delivered_once, f"of {replies}")
    result.add("replies shown as failed or unconfirmed", found.shown_otherwise, f"of {replies}")
    for part, count in sorted(found.killed.items()):
        result.add(f"kills of {part}", count, "kills")
    result.add("broken promises", len(found.wrong), "", bar=Bar(0))
    result.add("duration", found.seconds, "s")
    result.notes.extend(found.wrong)
    return result
