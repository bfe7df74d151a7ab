"""Look a dataset over.

Duplicates, conflicts, contamination and broken files are found and told apart.
"""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from faceoff.cli import app
from faceoff.commands import audit
from faceoff.plugins.protocols import Sample
from voices import silence, voice, write_wav


def picture(seed: int, size: int = 64, kind: str = "PNG") -> bytes:
    """A smooth random picture (noise would not survive resizing)."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC).save(
        buffer, format=kind, **({"quality": 85} if kind == "JPEG" else {})
    )
    return buffer.getvalue()


class Memory:
    """A dataset of pictures held in a dict: id -> (label, subject, bytes)."""

    version = "1"

    def __init__(self, **held: tuple[str, str | None, bytes]):
        self.held = held

    def samples(self):
        return [
            Sample(sample_id=name, path=name, label=label, subject=subject)
            for name, (label, subject, _) in self.held.items()
        ]

    def read(self, sample: Sample) -> bytes:
        return self.held[sample.sample_id][2]


def look_over(name: str = "d", **pictures) -> audit.Audit:
    dataset = Memory(**pictures)
    return audit.audit(name, dataset, dataset.samples())


def test_same_pixels_are_duplicates_whatever_the_encoding():
    found = look_over(
        a=("happiness", None, picture(1)),
        b=("happiness", None, picture(1, kind="BMP")),
        c=("happiness", None, picture(2)),
    )
    assert found.duplicates() == [["a", "b"]]
    assert found.conflicts() == []
    assert found.look_alikes() == []


def test_duplicates_with_other_labels_are_conflicts():
    found = look_over(a=("happiness", None, picture(1)), b=("fear", None, picture(1)))
    assert found.conflicts() == [["a", "b"]]


def test_resized_and_recompressed_pictures_look_alike_and_others_do_not():
    found = look_over(
        a=("x", None, picture(1)),
        b=("x", None, picture(1, size=128)),
        c=("x", None, picture(1, kind="JPEG")),
        d=("x", None, picture(9)),
    )
    assert found.duplicates() == []
    assert found.look_alikes() == [["a", "b", "c"]]


def test_flat_pictures_do_not_look_alike():
    def flat(value: int) -> bytes:
        buffer = io.BytesIO()
        Image.new("L", (8, 8), value).save(buffer, format="PNG")
        return buffer.getvalue()

    assert look_over(a=("x", None, flat(0)), b=("x", None, flat(255))).look_alikes() == []


def test_the_look_is_the_difference_hash():
    """Compare with the definition: brightness rising to the right, row by row.

    The most significant bit comes first.
    """
    rising = np.repeat(
        np.tile(np.arange(0, 180, 20, dtype=np.uint8), (8, 1))[:, :, None], 3, axis=2
    )
    assert audit.look(rising) == 2**64 - 1
    assert audit.look(rising[:, ::-1].copy()) == 0


def test_broken_files_are_named_with_their_reason():
    found = look_over(a=("x", None, b""), b=("x", None, picture(1)[:60]), c=("x", None, picture(1)))
    assert set(found.unreadable) == {"a", "b"}
    assert found.unreadable["a"] == "empty file"
    assert found.n == 3


def test_contamination_and_shared_people_between_datasets():
    train = look_over(
        "train",
        t1=("x", "ann", picture(1)),
        t2=("x", "bob", picture(2)),
        t3=("x", "bob", picture(2)),
    )
    test = look_over("test", e1=("x", "bob", picture(3)), e2=("x", "eve", picture(2)))
    assert audit.shared(test, train) == [("e2", "t2")]
    assert audit.shared_subjects(test, train) == ["bob"]
    told = list(audit.findings([test, train]))
    assert any("1 pictures of test are in train" in line for line in told)
    assert any("1 subjects in both: bob" in line for line in told)


def test_validate_reports_and_fails_on_unreadable_files(tmp_path):
    for name, data in (("a.png", picture(1)), ("b.png", picture(1)), ("c.png", b"")):
        (tmp_path / "pictures/anger").mkdir(parents=True, exist_ok=True)
        (tmp_path / "pictures/anger" / name).write_bytes(data)
    config = tmp_path / "c.yaml"
    config.write_text(
        f"run: r\ndatasets: {{mine: {{type: folder, path: '{tmp_path}/pictures'}}}}\n"
        "detectors: {whole: {}}\nmodels: {fer: {}}\n"
    )
    result = CliRunner().invoke(app, ["validate", str(config)])
    assert result.exit_code == 1
    assert "mine: 1 unreadable: anger/c.png (empty file)" in result.output
    assert "anger/a.png = anger/b.png" in result.output
    (tmp_path / "pictures/anger/c.png").unlink()
    assert CliRunner().invoke(app, ["validate", str(config)]).exit_code == 0
    missing = CliRunner().invoke(app, ["validate", str(config), "--dataset", "other"])
    assert missing.exit_code == 1
    assert "no dataset 'other' in this configuration; valid: mine" in missing.output


def test_parts_of_one_table_share_neither_people_nor_pictures(tmp_path):
    rows = ["path,label,person"]
    for number in range(12):
        (tmp_path / f"{number}.png").write_bytes(picture(number))
        rows.append(f"{number}.png,anger,p{number // 2}")
    (tmp_path / "t.csv").write_text("\n".join(rows) + "\n")
    shares = "columns: {subject: person}, shares: [0.5, 0, 0.5]"
    table = f"type: table, path: '{tmp_path}/t.csv', {shares}"
    config = tmp_path / "c.yaml"
    datasets = f"a: {{{table}, part: train, role: train}}, b: {{{table}, part: test}}"
    config.write_text(
        f"run: r\ndatasets: {{{datasets}}}\ndetectors: {{whole: {{}}}}\nmodels: {{fer: {{}}}}\n"
    )
    result = CliRunner().invoke(app, ["validate", str(config)])
    assert result.exit_code == 0, result.output
    assert "are in" not in result.output
    assert "in both" not in result.output


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_an_animation_is_judged_by_its_first_picture(kind: str) -> None:
    """A run reads it as a clip, so it is not unreadable."""
    first, second = (Image.open(io.BytesIO(picture(seed))) for seed in (1, 2))
    buffer = io.BytesIO()
    first.save(
        buffer,
        format=kind,
        save_all=True,
        append_images=[second],
        duration=100,
        **({"lossless": True} if kind == "WEBP" else {}),
    )
    held = {"a": ("happiness", None, buffer.getvalue())}
    assert look_over(**held).unreadable == {}
    seen = audit.look_through(Memory(**held), Sample(sample_id="a", path="a"))
    assert not seen.lost
    found = seen.first.astype(int)
    assert np.abs(found - np.asarray(first)).mean() < (10 if kind == "GIF" else 1e-9), (
        "a GIF has 256 colours"
    )
    assert np.abs(found - np.asarray(second)).mean() > 30


def test_broken_silent_and_clipped_sound_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "clips/happy"
    write_wav(folder / "good.wav", voice(1, 200))
    write_wav(folder / "again.wav", voice(1, 200))
    write_wav(folder / "silent.wav", silence(1))
    write_wav(folder / "loud.wav", 9 * voice(1, 200))
    (folder / "broken.mp3").write_bytes(b"nothing")
    config = tmp_path / "c.yaml"
    config.write_text(
        f"run: r\ndatasets: {{d: {{type: folder, path: {tmp_path / 'clips'}, audio: true}}}}\n"
        "detectors: {whole: {}}\nmodels: {fer: {}}\n"
    )
    result = CliRunner().invoke(app, ["validate", str(config)])
    assert result.exit_code == 1, result.output
    for line in (
        "d: 1 unreadable: happy/broken.mp3 (cannot decode: Invalid data found",
        "d: 1 without sound: happy/silent.wav (silent)",
        "d: 1 with clipped sound: happy/loud.wav (",
        "d: 2 sounds in 1 groups stand more than once: happy/again.wav = happy/good.wav",
    ):
        assert line in result.output


def test_what_is_missing_and_what_is_left_out_is_said(tmp_path: Path) -> None:
    """Sequences are judged by their first picture, sound as a whole."""
    (tmp_path / "s").mkdir()
    write_wav(tmp_path / "a.wav", voice(1, 200))
    (tmp_path / "s/1.png").write_bytes(picture(1))

    class Incomplete(Memory):
        left_out = {"other file": 3}  # noqa: RUF012

        def samples(self):
            return [
                Sample(sample_id=name, path=name, kind=kind)
                for name, kind in (("s", "sequence"), ("empty", "sequence"), ("a", "audio"))
            ]

        def pictures(self, sample: Sample):
            return [(0.0, tmp_path / "s/1.png")] if sample.path == "s" else []

        def file(self, sample: Sample) -> Path:
            return tmp_path / f"{sample.path}.wav"

        def missing(self) -> list[str]:
            return ["b.mp4", "c.mp4"]

    dataset = Incomplete()
    found = audit.audit("d", dataset, dataset.samples())
    assert list(found.pixels) == ["s", "a"]
    assert found.unreadable == {"empty": "no picture in the sequence"}
    lines = list(audit.findings([found]))
    assert lines[:2] == [
        "d: 2 of the published files are missing: b.mp4; c.mp4",
        "d: not in the task: 3 × other file",
    ]
