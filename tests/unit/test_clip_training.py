"""Test how networks over time are trained: what they learn, and that they go on to the bit."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from test_training_loop import (  # noqa: E402
    DRAWING,
    LIVELY,
    PLAIN,
    _stopped_after,
    assert_equal,
    killed_and_resumed,
)

from faceoff.scoring import metrics  # noqa: E402
from faceoff.training import (  # noqa: E402
    augment,
    loop,
    losses,
    net_list,
    sequence_list,
)
from faceoff.training.clip_lesson import ClipLesson, answers  # noqa: E402
from faceoff.training.clip_net import ClipNet, PictureFeatures, Standardise  # noqa: E402
from faceoff.training.clips import Clips  # noqa: E402
from faceoff.training.loop import Fitted, Training, TrainingError  # noqa: E402
from faceoff.training.picture_lesson import Input  # noqa: E402
from faceoff.training.recipe import Recipe  # noqa: E402

D, K = 3, 2
SMALL = {"width": 8, "dropout": 0.0}
CLIP = replace(PLAIN, epochs=12, batch=8, lr=0.02)


def drawn(n: int, seed: int, of_frames: bool = False) -> Clips:
    """Return clips that rise or fall: their frames are the same numbers in another order.

    Every third clip has two stretches. The valence of a frame is its number; every fifth frame has
    none.
    """
    random = np.random.default_rng(seed)
    lengths = random.integers(4, 9, n)
    labels = np.arange(n) % K
    values = [np.sort(random.uniform(-1, 1, size)) for size in lengths]
    values = [row if label else row[::-1] for row, label in zip(values, labels, strict=True)]
    valence = np.concatenate(values)
    frames = np.column_stack([valence, random.normal(size=(len(valence), D - 1))])
    clip = np.repeat(np.arange(n), lengths)
    half = np.concatenate([np.arange(size) >= 2 for size in lengths]) & (clip % 3 == 0)
    own = np.where(of_frames, labels[clip], -1) if of_frames else labels
    return Clips(
        frames=frames.astype(np.float32),
        times=np.concatenate([np.arange(size) / 5 for size in lengths]),
        stretch=2 * clip + half,
        clip=clip,
        of_frames=of_frames,
        targets=np.eye(K)[own],
        labels=own,
        affect=np.where(np.arange(len(valence)) % 5, valence, np.nan)[:, None],
    )


def lesson(recipe: Recipe, learnt: Clips, affect: float = 1.0) -> ClipLesson:
    return ClipLesson(recipe, learnt, drawn(64, 2, learnt.of_frames), affect)


def network(net: str = "lstm", options: Mapping[str, Any] = SMALL, outputs: int = K + 1) -> ClipNet:
    sequence = sequence_list.build(net, options, outputs, D)
    return ClipNet(Standardise(torch.full((D,), 0.1), torch.full((D,), 0.9)), sequence)


def training(
    folder: Path,
    recipe: Recipe,
    learnt: Clips | None = None,
    net: str = "lstm",
    options: Mapping[str, Any] = SMALL,
) -> Training:
    torch.set_num_threads(1)
    torch.manual_seed(5)
    made, taught = network(net, options), lesson(recipe, learnt or drawn(32, 1))
    return Training(made, "sequence", recipe, taught, folder, "job", 5)


def fit(folder: Path, recipe: Recipe, **settings: Any) -> Fitted:
    return training(folder, recipe, **settings).run("test")


# -- it learns -------------------------------------------------------------------------------------


@pytest.mark.parametrize("of_frames", [False, True])
@pytest.mark.parametrize("net", sequence_list.names())
def test_it_learns_the_order_of_frames_and_their_valence(
    tmp_path: Path, net: str, of_frames: bool
) -> None:
    """No frame alone tells a rise from a fall, and the first one of a stretch cannot."""
    recipe = replace(CLIP, select="log_loss")
    fitted = fit(tmp_path, recipe, net=net, learnt=drawn(64, 1, of_frames))
    assert fitted.best.measures["accuracy"] > 0.7
    assert fitted.history[-1]["loss"] < 0.5 * fitted.history[0]["loss"]
    assert fitted.history[-1]["ccc"] > 0.9


def test_valence_alone_is_learnt_and_chooses_the_epoch(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As of SEND: no clip has a label."""
    given, judged = drawn(32, 1), drawn(16, 2)
    given, judged = (
        replace(clips, targets=np.empty((len(clips), 0)), labels=np.full(len(clips), -1))
        for clips in (given, judged)
    )
    torch.manual_seed(5)
    recipe = replace(CLIP, select="ccc", schedule="constant")
    taught = ClipLesson(recipe, given, judged, 1.0)
    fitted = Training(network(outputs=1), "sequence", recipe, taught, tmp_path, "job", 5).run("")
    course = [epoch["ccc"] for epoch in fitted.history]
    assert fitted.best_epoch == 1 + int(np.argmax(course))
    assert fitted.best.measures == {"ccc": max(course)}
    assert max(course) > 0.8
    assert "accuracy" not in fitted.history[0]
    line = capsys.readouterr().err.splitlines()[0]
    assert f"epoch 1 of {recipe.epochs}, validation ccc {course[0]:.3f}, " in line
    assert " clips/s" in line


def test_a_clip_is_judged_by_the_mean_of_its_frames_posteriors() -> None:
    clips = drawn(20, 3)
    torch.manual_seed(1)
    made = network().eval()
    score = ClipLesson(CLIP, clips, clips, 1.0).score(made)
    p, affect = answers(made, clips, None, torch.device("cpu"))
    means = np.stack([p[clips.clip == number].mean(axis=0) for number in range(20)])
    assert score is not None
    assert score.accuracy == (means.argmax(axis=1) == clips.labels).mean()
    right = means[np.arange(20), clips.labels]
    assert score.log_loss == pytest.approx(-np.log(right).mean(), abs=1e-6)
    there = np.isfinite(clips.affect[:, 0])
    assert score.ccc == pytest.approx(
        metrics.ccc(clips.affect[there, 0], affect[there, 0]), abs=1e-6
    )


def test_the_log_of_a_mean_of_posteriors_is_exact_and_finite() -> None:
    logits = torch.tensor([[2.0, 0.0], [0.0, 1.0], [300.0, 0.0], [0.0, 0.0]], requires_grad=True)
    found = losses.clip_log_posteriors(logits, torch.tensor([0, 0, 1, 0]), 2)
    p = torch.softmax(logits.double(), dim=1)
    expected = torch.stack([p[[0, 1, 3]].mean(0), p[2]]).log()
    torch.testing.assert_close(found.double()[0], expected[0], rtol=0, atol=1e-6)
    assert found[1].tolist() == [0.0, -300.0]
    found.sum().backward()
    assert torch.isfinite(logits.grad).all()


def test_a_stretch_is_read_as_if_it_were_alone() -> None:
    clips = drawn(6, 4)
    torch.manual_seed(1)
    made = network(options={**SMALL, "time_steps": True}).eval()
    frames, times = torch.from_numpy(clips.frames), torch.from_numpy(clips.times)
    stretch = torch.from_numpy(clips.stretch)
    with torch.no_grad():
        found = made(frames, times, stretch)
        for number in stretch.unique():
            own = stretch == number
            alone = made(frames[own], times[own], stretch[own])
            torch.testing.assert_close(found[own], alone, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "change",
    [
        *({"target": name} for name in ("majority", "distribution", "drawn", "multi_target")),
        {"balance": 1.0},
        {"logit_adjustment": 0.5, "smoothing": 0.1},
        {"focal": 2.0},
        {"precision": "bfloat16"},
        {"batch": 1000},
    ],
    ids=lambda change: "-".join(map(str, change.values())),
)
def test_every_choice_trains(tmp_path: Path, change: dict[str, Any]) -> None:
    fitted = fit(tmp_path, replace(CLIP, **{"epochs": 1, **change}))
    assert np.isfinite([*fitted.history[0].values()]).all()


def test_clips_without_labels_teach_valence_only(tmp_path: Path) -> None:
    clips = drawn(32, 1)
    some = replace(clips, labels=np.where(np.arange(32) < 4, clips.labels, -1))
    fitted = fit(tmp_path, replace(CLIP, epochs=2, batch=2), learnt=some)
    assert np.isfinite(fitted.history[-1]["loss"])
    assert ClipLesson(CLIP, some, clips, 1.0).labels is None


def test_a_loss_that_is_no_number_is_said(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"lower recipe\.lr or set recipe\.clip_norm"):
        fit(tmp_path, replace(CLIP, optimizer="sgd", lr=1e36), net="tcn")


# -- it goes on to the bit -------------------------------------------------------------------------

# Whatever draws a random number, and whatever has a state.
MOVING = replace(DRAWING, batch=8, epochs=2, mixup=0.0)
NOISY = {"width": 8, "dropout": 0.3, "layers": 2, "time_steps": True}


def test_stopped_at_any_step_it_ends_with_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"options": NOISY, "learnt": drawn(24, 1)}
    whole = fit(tmp_path / "whole", MOVING, **settings)
    monkeypatch.setattr(loop, "_CHECKPOINT_S", -1.0)
    folder, stops = tmp_path / "stopped", 0
    while (made := training(folder, MOVING, **settings))._state.step < 6:
        _stopped_after(monkeypatch, made, 1)
        stops += 1
    assert stops == 6
    assert_equal(whole, made.run("test"))


@pytest.mark.slow
def test_killed_in_the_middle_of_a_step_it_ends_with_the_same_bits(tmp_path: Path) -> None:
    """In the second epoch; the sixth step has begun."""
    call = "test.fit(folder, test.MOVING, options=test.NOISY)"
    end = killed_and_resumed(tmp_path / "killed", "test_clip_training", call, step=5)
    whole = fit(tmp_path / "whole", MOVING, options=NOISY)
    assert end["history"] == whole.history
    assert all(torch.equal(end["weights"][name], value) for name, value in whole.weights.items())


# -- on pictures -----------------------------------------------------------------------------------


def films(n: int, seed: int) -> Clips:
    """Return clips of pictures that grow lighter or darker."""
    clips = drawn(n, seed)
    noise = np.random.default_rng(seed).normal(0, 5, (len(clips.frames), 16, 16, 1))
    pixels = 128 + 60 * clips.frames[:, :1, None, None] + noise
    return replace(clips, frames=np.clip(pixels, 0, 255).astype(np.uint8))


def of_pictures() -> ClipNet:
    options = {"width": 4, "blocks": [1, 1], "size": [16, 16], "channels": 1, "dropout": 0.0}
    front = PictureFeatures(net_list.build("resnet_small", options, 8), "head")
    return ClipNet(front, sequence_list.build("lstm", SMALL, K + 1, front.features))


@pytest.mark.parametrize("freeze", [0, 2])
def test_frames_are_learnt_with_the_sequence_or_stay(tmp_path: Path, freeze: int) -> None:
    torch.manual_seed(5)
    made, recipe = of_pictures(), replace(CLIP, epochs=2, freeze=freeze, weight_decay=0.1)
    before = {key: value.clone() for key, value in made.state_dict().items()}
    taught = ClipLesson(recipe, films(16, 1), films(8, 2), 1.0, Input(mean=0.5, std=0.25))
    fitted = Training(made, "sequence", recipe, taught, tmp_path, "job", 5).run("test")
    same = {key for key, value in fitted.weights.items() if torch.equal(value, before[key])}
    assert not any(key.startswith("sequence.") for key in same)
    front = {key for key in before if key.startswith("front.")}
    assert front
    assert (front <= same) == (freeze == 2)


def test_the_classifier_of_the_pictures_is_taken_away() -> None:
    net = net_list.build("resnet_small", {"width": 4}, 8)
    front = PictureFeatures(net, "head")
    assert not any("head" in key for key in front.state_dict())
    with pytest.raises(ValueError, match="is a Sequential, expected a linear layer"):
        PictureFeatures(net_list.build("resnet_small", {"width": 4}, 8), "features")


def test_the_frames_of_a_clip_change_alike() -> None:
    pictures = torch.rand(2, 1, 12, 12).repeat(3, 1, 1, 1)
    alike = torch.tensor([0, 0, 1, 1, 2, 2])
    recipe = replace(LIVELY, erase=0.0, grey=0.0)
    found = augment.augmented(pictures, recipe, torch.Generator().manual_seed(3), alike)
    one = augment.augmented(pictures[:2], recipe, torch.Generator().manual_seed(3), alike[:2])
    assert not torch.equal(found[0], found[2])
    moved = replace(recipe, jpeg=0.0)
    same = torch.stack([pictures[0]] * 4)
    found = augment.augmented(same, moved, torch.Generator().manual_seed(3), alike[:4])
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[1], found[2])
    assert one.shape == (2, 1, 12, 12)
