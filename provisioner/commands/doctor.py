"""doctor: what an instance can do, and what is chosen for it; nothing is changed anywhere."""

from provisioner.commands.session import Session
from provisioner.mastodon import discovery
from provisioner.mastodon.scopes import explain
from provisioner.report import Report


def doctor(session: Session) -> Report:
    """Find the instance, and tell what is chosen for it and why. Raises ProvisionerError."""
    config = session.config
    found = discovery.find(session.http, config.account, config.instance, session.gather)
    instance = found.info.instance
    choices = {
        "Instance": f"{instance.origin}, {found.how}",
        "Software": instance.product or "it does not tell",
        **explain(found.info, config.requested_scopes),
    }
    return Report(
        "examined",
        "",
        table=choices,
        facts={"instance": instance.origin, "software": instance.product, "choices": choices},
    )
