"""GitHub: a repository's Actions secrets and variables, and what may be written there."""
