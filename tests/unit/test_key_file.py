"""The file that keeps the journal's key on a person's own machine."""

import base64
import os
import stat
import tempfile
from pathlib import Path

import pytest

from provisioner.key_file import KeyFile
from provisioner.report import Exit, Set
from provisioner.secret import Secret
from tests.support.told import fails, runs

KEY, OTHER = (Secret(base64.b64encode(byte * 32).decode()) for byte in (b"1", b"2"))


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KeyFile:
    """A link leads to a file on the same disk alone: no other folder is of use for a draft."""
    monkeypatch.setattr(tempfile, "tempdir", "/gone")
    return KeyFile(tmp_path / "state" / "tool" / "key")


def test_key_is_found_again_until_it_is_deleted_and_nobody_else_can_read_it(file: KeyFile) -> None:
    file.delete()
    assert file.read() == Secret("")
    assert file.keep(KEY) == KEY
    assert file.read() == KEY
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.path.parent.stat().st_mode) == 0o700
    file.delete()
    assert file.read() == Secret("")


def test_second_process_takes_the_key_that_is_there(file: KeyFile) -> None:
    file.keep(KEY)
    assert file.keep(OTHER) == KEY
    assert [one.name for one in file.path.parent.iterdir()] == [file.path.name]


def test_file_and_folder_are_on_the_disk_before_it_goes_on(
    file: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced, descriptors = list[str](), list[int]()
    real = os.fsync

    def fsync(descriptor: int) -> None:
        status = os.fstat(descriptor)
        kind = "folder" if stat.S_ISDIR(status.st_mode) else f"{status.st_size} bytes"
        synced.append(f"{kind} {file.path.exists()}")
        descriptors.append(descriptor)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    file.keep(KEY)
    assert synced == ["45 bytes False", "folder True"]
    with pytest.raises(OSError, match="descriptor"):  # it is closed
        os.fstat(descriptors[-1])


def test_folder_that_can_not_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("no folder")
    file = KeyFile(tmp_path / "home" / "state" / "key")
    assert file.read() == Secret("")
    with fails("key-file", Exit.INPUT) as caught:
        file.keep(KEY)
    assert KEY.reveal() not in caught.value.what
    assert Set("journal-key") in caught.value.next


@pytest.mark.parametrize("what", ["empty", "no key", "a folder", "a dangling link"])
def test_file_without_a_key_is_told_and_not_taken_for_one(file: KeyFile, what: str) -> None:
    file.path.parent.mkdir(parents=True)
    if what == "a folder":
        file.path.mkdir()
    elif what == "a dangling link":
        file.path.symlink_to("nowhere")
    else:
        file.path.write_bytes(b"" if what == "empty" else b"\xff\n")
    for use in file.read, lambda: file.keep(OTHER):
        with fails("key-file", Exit.INPUT) as caught:
            use()
        assert runs(caught.value.next) == ["again"]
        assert "directory" in caught.value.why or what != "a folder"
