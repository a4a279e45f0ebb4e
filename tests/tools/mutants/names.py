"""A plugin for mutmut, which runs pytest many times in one process: the tests keep their names.

pytest stores the names that `ids=` makes, and escapes them again in the next run. A test with a
backslash in its name would have another name each time, and mutmut would not find it.
"""

from collections.abc import Iterator

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Forget the kept names; those that an iterator gave can't be made again."""
    for mark in metafunc.definition.iter_markers("parametrize"):
        source = mark._param_ids_from  # noqa: SLF001 - pytest has no other way
        if source and not isinstance(source.kwargs["ids"], Iterator):
            object.__setattr__(source, "_param_ids_generated", None)
