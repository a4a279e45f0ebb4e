"""An instance: how it is found, what it can do, and its API."""
