"""Names become files: folders, files, hub ids, and what is said when there is nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from ferrobert.errors import CheckpointError
from ferrobert.hub import HubOptions, checkpoint_files

WANTED = ["tokenizer.json", "tokenizer_config.json", "vocab.txt"]
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "vocab.txt").write_text("[UNK]\n", encoding="utf-8")
    (tmp_path / "tokenizer_config.json").write_text("{}", encoding="utf-8")
    return tmp_path


@pytest.fixture
def hub_cache(tmp_path: Path) -> Path:
    """A cache as the hub's client lays it out, with one checkpoint in it."""
    repo = tmp_path / "hub" / "models--org--tiny"
    snapshot = repo / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (snapshot / "vocab.txt").write_text("[UNK]\n", encoding="utf-8")
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text(COMMIT, encoding="utf-8")
    return tmp_path / "hub"


def test_a_folder_gives_the_wanted_files_it_has_in_the_wanted_order(folder: Path) -> None:
    assert list(checkpoint_files(folder, WANTED)) == ["tokenizer_config.json", "vocab.txt"]


def test_a_folder_may_be_given_as_a_string(folder: Path) -> None:
    assert checkpoint_files(str(folder), WANTED)["vocab.txt"] == folder / "vocab.txt"


def test_a_file_gives_only_itself_whatever_its_name(folder: Path) -> None:
    file = folder / "my-words.txt"
    file.write_text("[UNK]\n", encoding="utf-8")
    assert checkpoint_files(file, WANTED) == {"my-words.txt": file}


def test_a_subfolder_is_looked_into(folder: Path) -> None:
    with pytest.raises(CheckpointError, match="onnx"):
        checkpoint_files(folder, WANTED, HubOptions(subfolder="onnx"))


def test_a_folder_without_the_files_is_an_error_that_names_them(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"holds none of tokenizer.json, tokenizer_config.json, vocab.txt"):
        checkpoint_files(tmp_path, WANTED)


@pytest.mark.parametrize("name", ["./nowhere", "/no/such/folder", "a/b/c", "~/nowhere-at-all", "nowhere/vocab.txt"])
def test_a_missing_path_is_an_error_and_never_a_hub_id(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *_, **__: pytest.fail("the hub was asked"))
    with pytest.raises(CheckpointError, match="no such file or folder"):
        checkpoint_files(name, WANTED)


def test_an_empty_name_is_an_error() -> None:
    with pytest.raises(CheckpointError, match="empty"):
        checkpoint_files("", WANTED)


def test_a_missing_path_object_is_never_a_hub_id() -> None:
    with pytest.raises(CheckpointError, match="no such file or folder"):
        checkpoint_files(Path("bert-base-uncased-elsewhere"), WANTED)


def test_a_hub_id_is_found_in_the_cache_without_the_network(hub_cache: Path) -> None:
    found = checkpoint_files("org/tiny", WANTED, HubOptions(cache_dir=hub_cache, local_files_only=True))
    assert list(found) == ["vocab.txt"]
    assert found["vocab.txt"].parent.name == COMMIT


def test_an_unreachable_hub_id_says_what_was_tried(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError) as caught:
        checkpoint_files("org/absent", WANTED, HubOptions(cache_dir=tmp_path, local_files_only=True))
    message = str(caught.value)
    for part in ("'org/absent'", "revision main", str(tmp_path), "tokenizer.json", "vocab.txt"):
        assert part in message


def test_a_name_the_hub_does_not_allow_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="the hub refuses it"):
        checkpoint_files("org--/x..y", WANTED, HubOptions(cache_dir=tmp_path, local_files_only=True))


def test_all_files_come_from_one_commit(hub_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    revisions: list[str | None] = []

    def download(repo: str, file: str, *, revision: str | None, **_: object) -> str:
        revisions.append(revision)
        return str(hub_cache / "models--org--tiny" / "snapshots" / COMMIT / file)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    checkpoint_files("org/tiny", WANTED, HubOptions(revision="v1"))
    assert revisions == ["v1", COMMIT, COMMIT]
