"""`provisioner post` as people and scripts meet it."""

from tests.program.site import Site


def test_from_nothing_to_one_post_however_often_it_is_asked_for(site: Site) -> None:
    site.run("complete", typed=site.approve(site.begin()))
    first = site.run("post", "howdy universe!")
    again = site.run("post", "howdy universe!", "--json")
    (status,) = site.instance.statuses
    url = f"{site.instance.origin}/@mybot/{status.id}"
    assert first.code == 0
    assert status.text == "howdy universe!"
    assert url in first.output
    assert again.outcome["url"] == url
