"""What the tests of the command line share of their sites."""

import base64

REPOSITORY = "octocat/mybot"
KEY = base64.b64encode(bytes(range(32))).decode()
