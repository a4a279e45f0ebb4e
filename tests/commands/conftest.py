"""What tests of several commands begin with."""

import pytest

from tests.support.world import World


@pytest.fixture
def bot(world: World) -> World:
    """A world where the bot has its token."""
    world.provision()
    return world


@pytest.fixture
def code(world: World) -> str:
    """The code of a link that was approved."""
    return world.approve(world.link())
