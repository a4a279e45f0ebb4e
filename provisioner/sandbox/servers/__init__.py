"""The servers that differ from Mastodon as a whole, each in modules of its own."""
