"""The files below a folder are listed, links and all, and their hash tells when they change."""

import os
from pathlib import Path

import pytest

from faceoff.datasets._files import files_below, fingerprint


def tree(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


def names(root: Path, **options: bool) -> list[str]:
    return [path.relative_to(root).as_posix() for path in files_below(root, **options)]


def test_every_file_sorted_within_its_folder(tmp_path: Path) -> None:
    root = tree(tmp_path, "b", "a/2", "a/1", "c/d/3", ".h", "c/.x/4")
    assert names(root) == [".h", "b", "a/1", "a/2", "c/.x/4", "c/d/3"]
    assert names(root, hidden=False) == ["b", "a/1", "a/2", "c/d/3"]


def test_links_to_folders_are_followed_once_after_the_folders_themselves(tmp_path: Path) -> None:
    root = tree(tmp_path / "data", "real/1", "z/2")
    tree(tmp_path / "disk", "3", "deep/4")
    (root / "a_link").symlink_to(tmp_path / "disk")
    (root / "b_link").symlink_to(tmp_path / "disk")
    (root / "c_link").symlink_to(root / "real")
    (root / "dangling").symlink_to(tmp_path / "nowhere")
    assert names(root) == ["dangling", "real/1", "z/2", "a_link/3", "a_link/deep/4"]


def test_a_circle_of_links_comes_to_an_end(tmp_path: Path) -> None:
    root = tree(tmp_path / "data", "a/1", "b/2")
    (root / "a" / "self").symlink_to(root / "a")
    (root / "a" / "up").symlink_to(tmp_path)
    (root / "a" / "sideways").symlink_to(root / "b")
    (root / "b" / "back").symlink_to(root / "a")
    assert names(root) == ["a/1", "b/2"]
    entered_by_link = tmp_path / "entry"
    entered_by_link.symlink_to(root / "a")
    assert names(entered_by_link) == ["1", "sideways/2"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every folder")
def test_a_folder_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    tree(tmp_path, "a/1")
    (tmp_path / "a").chmod(0)
    try:
        with pytest.raises(PermissionError):
            names(tmp_path)
    finally:
        (tmp_path / "a").chmod(0o700)


def test_the_hash_follows_place_size_and_time_and_a_missing_file_counts_alone(
    tmp_path: Path,
) -> None:
    root = tree(tmp_path / "data", "a", "b")
    files = [root / "a", root / "b", root / "gone"]
    seen = [fingerprint(root, files)]
    assert (
        fingerprint(root, iter(files))
        == fingerprint(root, [os.fspath(path) for path in files])
        == seen[0]
    )
    os.utime(root / "b", ns=(1, 1))
    seen.append(fingerprint(root, files))
    (root / "a").write_text("longer")
    seen.append(fingerprint(root, files))
    tree(root, "gone")
    seen.append(fingerprint(root, files))
    seen.append(fingerprint(root, files[:2]))
    assert len(set(seen)) == 5
    root.rename(tmp_path / "moved")
    moved = tmp_path / "moved"
    assert fingerprint(moved, [moved / "a", moved / "b"]) == seen[-1], (
        "where the folder lies does not matter"
    )
