"""The transaction: each verb in the order that is safe.

What the order guarantees: a one-time code is not spent before everything else was checked; a token
is in the journal before anything else happens to it; the account is checked before anything is
published; and a run that is killed anywhere can be followed by another.
"""

from provisioner.ceremony.abandon import abandon
from provisioner.ceremony.begin import begin
from provisioner.ceremony.check import check
from provisioner.ceremony.complete import complete
from provisioner.ceremony.deprovision import deprovision
from provisioner.ceremony.desk import Case, Desk, Tell, open_case
from provisioner.ceremony.login import login
from provisioner.ceremony.post import post

__all__ = [
    "Case",
    "Desk",
    "Tell",
    "abandon",
    "begin",
    "check",
    "complete",
    "deprovision",
    "login",
    "open_case",
    "post",
]
