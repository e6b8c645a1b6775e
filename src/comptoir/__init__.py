"""Comptoir: a self-hosted counter where an organisation meets its public."""

__version__ = "0.1.0"
