"""Test the loop of training: it learns, goes on to the bit after any stop, and says what failed."""

import copy
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from faceoff.training import checkpoints, log, loop, net_list  # noqa: E402
from faceoff.training.loop import Fitted, Training, TrainingError  # noqa: E402
from faceoff.training.picture_lesson import Input, PictureLesson, posteriors  # noqa: E402
from faceoff.training.pictures import Pictures  # noqa: E402
from faceoff.training.recipe import Augment, Recipe  # noqa: E402

STILL = Augment(
    rotate=0, scale=0, stretch=0, shift=0, flip=0, erase=0, brightness=0, contrast=0, grey=0,
    jpeg=0, blur=0,
)  # fmt: skip
LIVELY = replace(
    STILL, rotate=20, scale=0.1, shift=0.05, flip=0.5, erase=0.4, brightness=0.1, contrast=0.3,
    jpeg=0.2, blur=0.2,
)  # fmt: skip
PLAIN = Recipe(
    target="majority", epochs=4, batch=16, optimizer="adamw", lr=0.01, weight_decay=0.0,
    schedule="cosine", warmup=0.0, ema=0.0, clip_norm=0.0, smoothing=0.0, mixup=0.0, balance=0.0,
    logit_adjustment=0.0, focal=0.0, freeze=0, patience=None, select="accuracy",
    precision="float32", tensorboard=False, augment=STILL,
)  # fmt: skip
# Whatever draws a random number, and whatever has a state.
DRAWING = replace(
    PLAIN, target="drawn", epochs=3, batch=32, ema=0.9, clip_norm=1.0, mixup=0.3, balance=0.5,
    smoothing=0.1, logit_adjustment=0.3, weight_decay=0.05, warmup=1.0, augment=LIVELY,
)  # fmt: skip
K = 4
OPTIONS = {"width": 4, "size": [24, 24], "channels": 1, "dropout": 0.3}


def drawn(n: int, seed: int, k: int = K) -> Pictures:
    """Return noisy pictures of k patterns, with votes that mostly agree with their label."""
    patterns = np.random.default_rng(7).integers(0, 256, (k, 6, 6, 1)).repeat(4, 1).repeat(4, 2)
    random = np.random.default_rng(seed)
    labels = np.arange(n) % k
    pixels = np.clip(patterns[labels] + random.normal(0, 25, (n, 24, 24, 1)), 0, 255)
    targets = 0.7 * np.eye(k)[labels] + 0.3 / k
    return Pictures(pixels.astype(np.uint8), targets, labels)


LEARNT, JUDGED = drawn(64, 1), drawn(24, 2)


def training(
    folder: Path,
    recipe: Recipe,
    seed: int = 5,
    job: str = "job",
    net: str = "resnet_small",
    options: Mapping[str, Any] = OPTIONS,
    learnt: Pictures = LEARNT,
    judged: Pictures = JUDGED,
) -> Training:
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    network = net_list.build(net, options, learnt.targets.shape[1])
    head = net_list.get(net).head
    lesson = PictureLesson(recipe, head, Input(mean=0.5, std=0.25), learnt, judged)
    return Training(network, head, recipe, lesson, folder, job, seed)


def fit(folder: Path, recipe: Recipe, **settings: Any) -> Fitted:
    return training(folder, recipe, **settings).run("test")


def assert_equal(one: Fitted, other: Fitted) -> None:
    """Compare weights, log and best epoch to the bit."""
    assert one.history == other.history
    assert (one.best_epoch, one.best, one.stopped) == (other.best_epoch, other.best, other.stopped)
    assert one.weights.keys() == other.weights.keys()
    for name, value in one.weights.items():
        assert torch.equal(value, other.weights[name]), name


# -- it learns -------------------------------------------------------------------------------------


def test_it_learns_64_pictures_by_heart(tmp_path: Path) -> None:
    fitted = fit(tmp_path, replace(PLAIN, epochs=8), judged=LEARNT)
    losses = [epoch["loss"] for epoch in fitted.history]
    assert losses[-1] < 0.2 * losses[0]
    assert fitted.best.accuracy == 1.0
    assert fitted.best.confusion == (np.eye(K, dtype=int) * 16).tolist()


def test_the_epoch_with_the_best_validation_score_is_kept(tmp_path: Path) -> None:
    fitted = fit(tmp_path, replace(PLAIN, epochs=6, select="log_loss", schedule="constant"))
    scores = [epoch["log_loss"] for epoch in fitted.history]
    assert fitted.best_epoch == 1 + int(np.argmin(scores))
    assert fitted.best.log_loss == min(scores)
    assert [epoch["best"] for epoch in fitted.history][fitted.best_epoch - 1] == 1.0
    network = net_list.build("resnet_small", OPTIONS, K)
    network.load_state_dict(fitted.weights)
    again = posteriors(network, Input(mean=0.5, std=0.25), JUDGED, torch.device("cpu"))
    right = again[np.arange(len(JUDGED)), JUDGED.labels]
    assert -np.log(right).mean() == pytest.approx(fitted.best.log_loss, abs=1e-9)


@pytest.mark.parametrize(
    "change",
    [
        *({"optimizer": name, "lr": 0.01} for name in ("adamw", "adam", "sgd")),
        *({"schedule": name} for name in ("cosine", "step", "constant")),
        *({"target": name} for name in ("majority", "distribution", "drawn", "multi_target")),
        *({"select": name} for name in ("accuracy", "uar", "log_loss")),
        {"precision": "bfloat16"},
        {"focal": 2.0, "smoothing": 0.1},
        {"freeze": 1},
        {"batch": 1000},  # more than there are
        {"batch": 2},
        {"warmup": 100.0},
    ],
    ids=lambda change: "-".join(map(str, change.values())),
)
def test_every_choice_trains(tmp_path: Path, change: dict[str, Any]) -> None:
    fitted = fit(tmp_path, replace(PLAIN, **{"epochs": 1, **change}))
    assert np.isfinite([*fitted.history[0].values()]).all()
    assert all(torch.isfinite(value).all() for value in fitted.weights.values())


def test_a_frozen_backbone_stays_and_its_head_learns(tmp_path: Path) -> None:
    recipe = replace(PLAIN, epochs=2, freeze=2, lr=0.1, weight_decay=0.1)
    made = training(tmp_path, recipe)
    before = copy.deepcopy(made._network.state_dict())
    fitted = made.run("test")
    changed = {
        name for name, value in fitted.weights.items() if not torch.equal(value, before[name])
    }
    assert changed == {"head.weight", "head.bias"}


@pytest.mark.parametrize(
    ("net", "size"),
    [pytest.param("ddamfn", 112, marks=pytest.mark.slow), ("mobile", 24), ("vgg13", 16)],
)
def test_every_network_of_our_own_trains_frozen_and_whole(
    tmp_path: Path, net: str, size: int
) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (4, size, size, 3), np.uint8)
    pictures = Pictures(pixels, np.eye(2)[[0, 1, 0, 1]], np.array([0, 1, 0, 1]))
    fitted = fit(
        tmp_path,
        replace(PLAIN, epochs=2, freeze=1, batch=2),
        net=net,
        options={"size": [size, size], "channels": 3},
        learnt=pictures,
        judged=pictures,
    )
    assert len(fitted.history) == 2


def test_balance_draws_classes_equally_often(tmp_path: Path) -> None:
    labels = np.repeat([0, 1], [600, 40])
    rare = Pictures(np.zeros((640, 24, 24, 1), np.uint8), np.eye(2)[labels], labels)
    shares = {}
    for power in (0.0, 0.5, 1.0):
        made = training(tmp_path, replace(PLAIN, balance=power), learnt=rare, judged=rare)
        shares[power] = labels[made._order(0).numpy()].mean()
    assert shares[0.0] == 40 / 640
    assert shares[1.0] == pytest.approx(0.5, abs=0.06)
    assert shares[0.5] == pytest.approx(40**0.5 / (40**0.5 + 600**0.5), abs=0.06)


def test_one_picture_of_a_class_and_a_class_without_any_are_enough(tmp_path: Path) -> None:
    pictures = Pictures(LEARNT.pixels[:9], np.eye(3)[[0] * 8 + [1]], np.array([0] * 8 + [1]))
    recipe = replace(DRAWING, epochs=2, logit_adjustment=1.0, balance=1.0)
    fitted = fit(tmp_path, recipe, learnt=pictures, judged=pictures)
    assert np.isfinite(fitted.best.log_loss)
    assert fitted.best.confusion[2] == [0, 0, 0]


# -- it goes on to the bit -------------------------------------------------------------------------


class _StoppedError(Exception):
    """The moment at which a test stops a training."""


def _stopped_after(monkeypatch: pytest.MonkeyPatch, made: Training, saves: int) -> None:
    """Run until so many checkpoints are written, then stop."""
    save, count = checkpoints.save, 0

    def counted(*arguments: Any) -> None:
        nonlocal count
        save(*arguments)
        count += 1
        if count == saves:
            raise _StoppedError

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "save", counted)
        with pytest.raises(_StoppedError):
            made.run("test")


RESUMED = {
    "all": DRAWING,
    "frozen first": replace(DRAWING, freeze=1, target="distribution"),
    "bfloat16": replace(DRAWING, precision="bfloat16"),
    "sgd": replace(DRAWING, optimizer="sgd", schedule="step", target="majority"),
}


@pytest.mark.parametrize("recipe", RESUMED.values(), ids=RESUMED)
def test_stopped_at_any_step_it_ends_with_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recipe: Recipe
) -> None:
    """Each step writes a checkpoint, and the training is stopped behind every one of them."""
    whole = fit(tmp_path / "whole", recipe)
    monkeypatch.setattr(loop, "_CHECKPOINT_S", -1.0)
    folder, stops = tmp_path / "stopped", 0
    while True:
        made = training(folder, recipe)
        if made._state.step == 6:
            break
        _stopped_after(monkeypatch, made, 1)
        stops += 1
    assert stops == 6
    assert_equal(whole, made.run("test"))
    again = training(folder, recipe)
    assert again._state.step == 6
    again.forget()
    assert not (folder / "last.pt").exists()


# A training in a process of its own; it says each step that a checkpoint holds.
_PROCESS = """
import sys
from pathlib import Path
sys.path[:0] = {paths!r}
import {module} as test
from faceoff.training import checkpoints, loop
loop._CHECKPOINT_S = -1.0
save = checkpoints.save
def told(path, job, state):
    save(path, job, state)
    print(state["state"]["step"], flush=True)
checkpoints.save = told
folder = Path(sys.argv[1])
fitted = {call}
checkpoints.save = save
checkpoints.save(folder / "end.pt", "end", {{"weights": fitted.weights, "history": fitted.history,
    "best_epoch": fitted.best_epoch}})
"""


def killed_and_resumed(folder: Path, module: str, call: str, step: int) -> dict[str, Any]:
    """Train in a process, kill it once a checkpoint holds this step, and let another go on.

    module, call: a module of these tests, `test` in the call that trains in `folder`. Return
    weights, history and best_epoch of the end.
    """
    paths = [str(Path(loop.__file__).parents[2]), str(Path(__file__).parent)]
    text = _PROCESS.format(paths=paths, module=module, call=call)
    command = [sys.executable, "-c", text, str(folder)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) == step:
                process.send_signal(signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=120, check=True
    )
    assert "going on from" in done.stderr
    assert int(done.stdout.split()[0]) > step
    end = checkpoints.load(folder / "end.pt", "end")
    assert end is not None
    return end


@pytest.mark.slow
def test_killed_in_the_middle_of_a_step_it_ends_with_the_same_bits(tmp_path: Path) -> None:
    """In the second epoch; the fourth step has begun."""
    call = "test.fit(folder, test.DRAWING)"
    end = killed_and_resumed(tmp_path / "killed", "test_training_loop", call, step=3)
    whole = fit(tmp_path / "whole", DRAWING)
    assert end["history"] == whole.history
    assert end["best_epoch"] == whole.best_epoch
    assert all(torch.equal(end["weights"][name], value) for name, value in whole.weights.items())


def test_the_seed_alone_says_what_is_drawn(tmp_path: Path) -> None:
    one = fit(tmp_path / "a", replace(DRAWING, epochs=2))
    torch.rand(100)  # whatever was drawn before
    assert_equal(one, fit(tmp_path / "b", replace(DRAWING, epochs=2)))
    other = fit(tmp_path / "c", replace(DRAWING, epochs=2), seed=6)
    assert not torch.equal(one.weights["head.weight"], other.weights["head.weight"])


def test_the_log_is_the_same_file_and_has_a_row_per_epoch(tmp_path: Path) -> None:
    for name in ("a", "b"):
        fitted = fit(tmp_path / name, replace(DRAWING, epochs=2))
        log.write_csv(tmp_path / f"{name}.csv", fitted.history)
    text = (tmp_path / "a.csv").read_text()
    assert text == (tmp_path / "b.csv").read_text()
    assert text.splitlines()[0] == "epoch,step,lr,loss,accuracy,uar,log_loss,best"
    assert len(text.splitlines()) == 3


@pytest.mark.parametrize(
    ("select", "said", "scale"),
    [("accuracy", "accuracy {:.2f} %", 100), ("log_loss", "log loss {:.3f}", 1)],
)
def test_an_epoch_is_a_line_with_its_validation_score(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], select: Any, said: str, scale: int
) -> None:
    fitted = fit(tmp_path, replace(PLAIN, epochs=3, select=select))
    *lines, end = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    for line, epoch in zip(lines, fitted.history, strict=True):
        number = f"test: epoch {epoch['epoch']:.0f} of 3, validation "
        assert line.startswith(number + said.format(scale * epoch[select]) + ", ")
        assert "pictures/s" in line
    assert [" left" in line for line in lines] == [True, True, False]
    assert end.startswith(f"test: {3 * len(LEARNT.labels)} pictures in ")


def test_the_event_file_of_tensorboard_is_that_of_the_last_training(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    fitted = fit(tmp_path, replace(PLAIN, epochs=1))
    (tmp_path / "events").mkdir()
    (tmp_path / "events/events.out.tfevents.1.before").write_bytes(b"of an earlier training")
    log.write_events(tmp_path / "events", fitted.history)
    (events,) = (tmp_path / "events").iterdir()
    assert b"log_loss" in events.read_bytes()


# One of the processes of torchrun; the first writes checkpoints and may stop all after one of them.
_SHARED = """
import os, sys
from pathlib import Path
sys.path[:0] = {paths!r}
import torch
import test_training_loop as test
from faceoff.training import checkpoints, loop
torch.distributed.init_process_group("gloo")
loop._CHECKPOINT_S = -1.0
folder, stop, rank = Path(sys.argv[1]), int(sys.argv[2]), os.environ["RANK"]
save = checkpoints.save
def stopping(path, job, state):
    save(path, job, state)
    if state["state"]["step"] == stop:
        os._exit(3)
checkpoints.save = stopping
made = test.training(folder, test.DRAWING)
fitted = made.run("shared")
checkpoints.save = save
checkpoints.save(folder / f"end-{{rank}}.pt", "end", {{"history": fitted.history,
    "network": dict(made._network.named_parameters()), "best": fitted.weights}})
torch.distributed.destroy_process_group()
"""


def _shared(folder: Path, stop: int = -1) -> list[dict[str, Any] | None]:
    """Train in two processes; return what each ended with, None for one that was stopped."""
    paths = [str(Path(loop.__file__).parents[2]), str(Path(__file__).parent)]
    folder.mkdir(exist_ok=True)
    (folder / "process.py").write_text(_SHARED.format(paths=paths))
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*torchrun, str(folder / "process.py"), str(folder), str(stop)],
        capture_output=True, text=True, timeout=240, check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert (done.returncode == 0) == (stop < 0), done.stderr[-2000:]
    told = done.stderr.count("shared: epoch 2 of 3, validation accuracy ")
    assert told == (stop < 0), "one process tells how far they are"
    return [checkpoints.load(folder / f"end-{rank}.pt", "end") for rank in (0, 1)]


@pytest.mark.slow
def test_two_processes_share_each_step_and_go_on_together(tmp_path: Path) -> None:
    first, second = _shared(tmp_path / "whole")
    assert first is not None
    assert second is not None
    assert first["history"] == second["history"]
    assert first["history"][-1]["loss"] < first["history"][0]["loss"]
    for name, value in first["network"].items():
        assert torch.equal(value, second["network"][name]), name
    assert _shared(tmp_path / "stopped", stop=3) == [None, None]
    again, _ = _shared(tmp_path / "stopped")
    assert again is not None
    assert again["history"] == first["history"]
    for name, value in first["best"].items():
        assert torch.equal(value, again["best"][name]), name


# -- checkpoints of other kinds --------------------------------------------------------------------


def _interrupted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    _stopped_after(monkeypatch, training(folder, DRAWING), 1)
    return folder / "last.pt"


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "other"])
def test_a_damaged_checkpoint_is_named_and_the_training_begins_anew(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    damage: str,
) -> None:
    path = _interrupted(tmp_path / "a", monkeypatch)
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        content[len(content) // 2] ^= 1
    path.write_bytes({"cut": content[:-100], "empty": b"", "other": b"PK\3\4"}.get(damage, content))
    capsys.readouterr()
    fitted = fit(tmp_path / "a", DRAWING)
    assert f"{path}: damaged; the training begins anew" in capsys.readouterr().err
    assert_equal(fitted, fit(tmp_path / "b", DRAWING))


def test_a_checkpoint_of_another_job_is_not_continued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _interrupted(tmp_path / "a", monkeypatch)
    fitted = fit(tmp_path / "a", PLAIN, job="another")
    assert f"{path}: of other settings or pictures" in capsys.readouterr().err
    assert_equal(fitted, fit(tmp_path / "b", PLAIN))


# Files of a process may not grow beyond this many bytes: the kernel then refuses to write, as it
# does on a full disk.
_FULL = """
import resource, signal, sys, errno
from pathlib import Path
sys.path[:0] = {paths!r}
import torch
from faceoff.training import checkpoints
path = Path(sys.argv[1])
checkpoints.save(path, "job", {{"step": 1}})
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))
try:
    checkpoints.save(path, "job", {{"step": 2, "weights": torch.zeros(100_000)}})
except OSError as error:
    print(error.errno == errno.EFBIG, error)
"""


def test_a_checkpoint_that_cannot_be_written_leaves_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    paths = [str(Path(loop.__file__).parents[2])]
    done = subprocess.run(
        [sys.executable, "-c", _FULL.format(paths=paths), str(path)],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout.startswith("True")
    assert checkpoints.load(path, "job") == {"step": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_at_a_checkpoint_is_said_and_the_one_before_stays(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", str(folder)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    try:
        path = folder / "last.pt"
        checkpoints.save(path, "job", {"step": 1})
        with pytest.raises(OSError, match=r"disk is full.*run again, what is finished stays"):
            checkpoints.save(path, "job", {"step": 2, "weights": torch.zeros(100_000)})
        assert checkpoints.load(path, "job") == {"step": 1}
        assert list(folder.iterdir()) == [path]
    finally:
        subprocess.run(["umount", str(folder)], check=True)


# -- losses that are no numbers, and early ends ----------------------------------------------------


def test_a_loss_that_is_no_number_in_the_first_epoch_says_what_to_change(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"no number.*epoch 1: lower recipe.lr"):
        fit(tmp_path, replace(PLAIN, lr=1e30, optimizer="sgd"))


def test_weights_that_are_no_numbers_are_never_the_best(tmp_path: Path) -> None:
    """The loss of an epoch's only step is a number; what the step then makes is none."""
    recipe = replace(PLAIN, lr=1e30, optimizer="sgd", batch=64)
    with pytest.raises(TrainingError, match=r"no number.*epoch 1.*lower recipe.lr"):
        fit(tmp_path, recipe)


@pytest.mark.parametrize("at", [9, 12])
def test_a_loss_that_is_no_number_later_keeps_the_last_good_epoch(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], at: int
) -> None:
    """The weights break in the first or in the last of the four steps of the third epoch."""
    made = training(tmp_path, replace(PLAIN, epochs=5))
    step = made._step

    def broken(rows: Any, frozen: bool) -> Any:
        loss = step(rows, frozen)
        if made._state.step + 1 == at:
            with torch.no_grad():
                for value in (*made._network.parameters(), *made._average.parameters()):
                    value.fill_(float("nan"))
        return loss

    made._step = broken  # type: ignore[method-assign]
    fitted = made.run("test")
    assert fitted.stopped
    assert "no number" in fitted.stopped
    assert "epoch 3" in fitted.stopped
    assert len(fitted.history) == 2
    assert fitted.best_epoch <= 2
    assert all(torch.isfinite(value).all() for value in fitted.weights.values())
    assert f"epoch {fitted.best_epoch} stays" in capsys.readouterr().err


def test_it_ends_where_no_epoch_is_better_for_too_long(tmp_path: Path) -> None:
    """Learn what is wrong on the validation pictures, more so in each epoch."""
    recipe = replace(
        PLAIN, epochs=9, patience=2, lr=0.3, optimizer="sgd", schedule="constant", select="log_loss"
    )
    noise = Pictures(JUDGED.pixels, JUDGED.targets, np.roll(JUDGED.labels, 1))
    fitted = fit(tmp_path, recipe, judged=noise)
    assert fitted.stopped == "no better epoch in 2"
    assert len(fitted.history) == fitted.best_epoch + 2 < 9
    again = training(tmp_path, recipe, judged=noise).run("test")  # its checkpoint says the same
    assert_equal(fitted, again)
