"""One bad picture spoils its own row only; a broken plug-in stops the job."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from faceoff.stages.batches import Clock, guarded, load_plugin, parse_spec, reason


def halve(items: Sequence[int]) -> list[float]:
    if any(item == 0 for item in items):
        raise ZeroDivisionError("zero in the batch")
    return [1 / item for item in items]


def test_good_batch_is_called_once() -> None:
    calls: list[int] = []

    def call(items: Sequence[int]) -> list[int]:
        calls.append(len(items))
        return list(items)

    assert guarded(call, [1, 2, 3], Clock()) == [1, 2, 3]
    assert calls == [3]


def test_bad_item_spoils_its_own_row_only() -> None:
    clock = Clock()
    first, bad, last = guarded(halve, [1, 0, 4], clock)
    assert (first, last) == (1, 0.25)
    assert isinstance(bad, ZeroDivisionError)
    assert clock.items == 3
    assert len(clock.batches) == 1


def test_all_bad_in_the_first_batch_is_a_broken_plugin() -> None:
    with pytest.raises(ZeroDivisionError):
        guarded(halve, [0, 0], Clock())


def test_all_bad_in_a_later_batch_is_bad_luck() -> None:
    clock = Clock()
    guarded(halve, [1, 2], clock)
    assert all(isinstance(result, ZeroDivisionError) for result in guarded(halve, [0, 0], clock))


def test_empty_batch_calls_nothing_and_does_not_count_as_the_first() -> None:
    clock = Clock()
    assert guarded(lambda items: pytest.fail("called"), [], clock) == []
    assert not clock.batches
    with pytest.raises(ZeroDivisionError):
        guarded(halve, [0], clock)


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_a_stopped_run_is_no_bad_picture(stop: type[BaseException]) -> None:
    def call(items: Sequence[int]) -> list[int]:
        raise stop

    with pytest.raises(stop):
        guarded(call, [1], Clock())


def test_reason_is_one_short_line() -> None:
    text = reason(ValueError("first\n   second " + "x" * 1000))
    assert text.startswith("ValueError: first second x")
    assert "\n" not in text
    assert len(text) < 350


def test_timing_leaves_the_warm_up_out(tmp_path: Path) -> None:
    clock = Clock(load_s=2.0, compute_s=11.0, items=20, batches=[(10, 10.0), (10, 1.0)])
    clock.write(tmp_path / "t.json", model="m")
    written = json.loads((tmp_path / "t.json").read_text())
    assert (written["model"], written["load_s"], written["items_per_s"], written["p90_ms"]) == ("m", 2.0, 10.0, 100.0)
    Clock(batches=[(4, 2.0)]).write(tmp_path / "t.json")
    assert json.loads((tmp_path / "t.json").read_text())["items_per_s"] == 2.0
    Clock().write(tmp_path / "t.json")
    assert json.loads((tmp_path / "t.json").read_text())["items_per_s"] is None


def test_plugin_gets_its_card_and_verified_files(tmp_path: Path) -> None:
    import hashlib

    (tmp_path / "w.bin").write_bytes(b"w")
    (tmp_path / "plug.py").write_text("class Plug:\n    def __init__(self, card, assets):\n        self.card, self.assets = card, assets\n")
    job = {"source": str(tmp_path / "plug.py"), "class": "Plug", "card": {"k": 1}}
    job["assets"] = {"weights": {"file": str(tmp_path / "w.bin"), "sha256": hashlib.sha256(b"w").hexdigest()}}
    clock = Clock()
    plugin = load_plugin(parse_spec(json.dumps(job)), clock, trained=tmp_path / "t.npz")
    assert plugin.card == {"k": 1}
    assert plugin.assets == {"weights": tmp_path / "w.bin", "trained": tmp_path / "t.npz"}
    assert clock.load_s > 0
