"""Finds the channels: every folder under `channels/` that has an `adapter.py`. Nothing else lists them."""

import importlib
import pkgutil
from functools import lru_cache
from pathlib import Path

from comptoir import channels as package
from comptoir.channels.base import Channel
from comptoir.core.errors import InputError


def folder_of(kind: str) -> Path:
    """Return the folder of a channel; it may stand elsewhere than the others (a package that extends __path__)."""
    for place in package.__path__:
        if (Path(place) / kind).is_dir():
            return Path(place) / kind
    return Path(__file__).parent / kind


@lru_cache(maxsize=1)
def channels() -> dict[str, Channel]:
    """Return all channels by kind, in the order of lists."""
    found: list[Channel] = []
    for module in pkgutil.iter_modules(package.__path__):
        if module.ispkg and (folder_of(module.name) / "adapter.py").exists():
            found.append(importlib.import_module(f"comptoir.channels.{module.name}.adapter").CHANNEL)
    return {channel.kind: channel for channel in sorted(found, key=lambda c: (c.order, c.kind))}


def channel(kind: str) -> Channel:
    """Return one channel; raises InputError for a kind that no folder brings."""
    try:
        return channels()[kind]
    except KeyError:
        raise InputError(f"There is no channel “{kind}”. Known: {', '.join(channels())}.", field="kind") from None
