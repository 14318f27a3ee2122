"""Files that appear only when they are complete."""

import stat

import pytest

from ferrobert import files


def test_a_file_is_written_whole_and_as_readable_as_any(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    files.write_file(path, "Größe\n")
    assert path.read_bytes() == "Größe\n".encode()
    (tmp_path / "other").touch()
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "other").stat().st_mode)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.txt", "other"]


def test_a_file_that_cannot_be_written_leaves_nothing_behind_and_the_error_names_it(monkeypatch, tmp_path):
    def replace(source, target):
        raise OSError(28, "No space left on device", source, None, target)

    monkeypatch.setattr(files.os, "replace", replace)
    with pytest.raises(OSError, match="No space left on device") as caught:
        files.write_file(tmp_path / "a.json", "{}")
    assert (caught.value.filename, caught.value.filename2) == (str(tmp_path / "a.json"), None)
    assert list(tmp_path.iterdir()) == []
