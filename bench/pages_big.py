"""The screens of pages.py with 1,000,000 conversations and 5,000,000 messages: cost must stay flat."""

from bench import pages
from bench.figures import Result

NAME = "pages_big"


def run() -> Result:
    """Fill a big installation (minutes, 10 GB) and measure; COMPTOIR_BENCH_BIG=FOLDER keeps it for the next time."""
    return pages.run(small=False, big=True)
