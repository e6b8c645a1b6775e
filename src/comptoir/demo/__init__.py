"""The demo: an invented operator, Ondavelle, whose invented customers write on every channel through the real doors."""
