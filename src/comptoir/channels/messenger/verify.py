"""Is it really from them: the signature that all networks of Meta share."""

from comptoir.channels.graph.signature import challenge, verify

__all__ = ["challenge", "verify"]
