"""The inputs' defaults, in one place for the command line and the parsers."""

SECRETS = "MASTODON_ACCESS_TOKEN=access_token"
VARIABLES = "MASTODON_BASE_URL=base_url"
SCOPES = "post"
GRACE = "24h"
JOURNAL = "MASTODON_JOURNAL"
CLIENT_ID = "MASTODON_CLIENT_ID"
CLIENT_SECRET = "MASTODON_CLIENT_SECRET"  # noqa: S105 - a name
