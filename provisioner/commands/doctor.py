"""doctor: what an instance can do, and what is chosen for it; nothing is changed anywhere."""

from provisioner.commands.begin import discover
from provisioner.commands.session import Session
from provisioner.mastodon.scopes import explain
from provisioner.report import Report


def doctor(session: Session) -> Report:
    """Find the instance, and tell what is chosen for it and why. Raises ProvisionerError."""
    info = discover(session)
    instance = info.instance
    choices = {
        "Instance": f"{instance.origin}, {info.how}",
        "Software": instance.product or "it does not tell",
        **explain(info, session.config.requested_scopes),
    }
    return Report(
        "examined",
        "",
        table=choices,
        facts={"instance": instance.origin, "software": instance.product, "choices": choices},
    )
