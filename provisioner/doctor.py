"""doctor: what an instance can do, and what is chosen for it; nothing is changed anywhere."""

from provisioner.choices import explain
from provisioner.discovery import describe, locate
from provisioner.http import Http
from provisioner.inputs import Question
from provisioner.outcomes import Diagnosis


def diagnose(http: Http, asked: Question) -> Diagnosis:
    """Find the instance, and tell what is chosen for it and why. Raises ProvisionerError."""
    origin, how = locate(http, asked.account, asked.instance)
    told = describe(http, origin)
    return Diagnosis(
        instance=origin,
        software=told.server.product,
        choices={
            "Instance": f"{origin}, {how}",
            "Software": told.server.product or "it does not tell",
            **explain(told, asked.scopes),
        },
    )
