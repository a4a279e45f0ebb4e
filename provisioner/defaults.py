"""The inputs' defaults, in one place for the command line and the parsers."""

SECRETS = "MASTODON_ACCESS_TOKEN=access_token"
APPLICATION = ("MASTODON_CLIENT_ID=client_id", "MASTODON_CLIENT_SECRET=client_secret")
VARIABLES = "MASTODON_BASE_URL=base_url"
SCOPES = "post"
GRACE = "24h"
JOURNAL = "MASTODON_JOURNAL"
