"""Mastodon Provisioner: from a one-time code to a sealed GitHub Actions secret."""

__version__ = "0.1.0"
