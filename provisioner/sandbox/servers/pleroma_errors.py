"""How Pleroma refuses.

After lib/pleroma/web (translation_helpers.ex, views/error_view.ex) of kphrx/pleroma at 112caa05.
"""

from provisioner.sandbox.web import Refused, json_response


def refused(status: int, error: str, identifier: str = "") -> Refused:
    """Return an error with its identifier, where it has one."""
    named = {"identifier": identifier} if identifier else {}
    return Refused(json_response(status, {"error": error, **named}))


def crashed(status: int = 500) -> Refused:
    """Return the answer to an exception that nobody caught: the words are always the same."""
    return Refused(json_response(status, {"errors": {"detail": "Internal server error"}}))
