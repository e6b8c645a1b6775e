"""Is it really from them: the signature and the challenge of the networks of Meta. Pure."""

from comptoir.channels.graph.signature import challenge, sign, verify

__all__ = ["challenge", "sign", "verify"]
