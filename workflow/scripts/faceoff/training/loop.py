"""Train a network on a lesson: pictures or clips with what it shall answer.

The loop draws every random number from the seed and the place where it is needed. A training that
was killed goes on from its last checkpoint and ends with the same weights, to the bit on a CPU.
"""

import copy
import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from faceoff.progress import Meter, Work, meter
from faceoff.training import checkpoints, optimisers
from faceoff.training.lesson import Lesson
from faceoff.training.log import Epoch
from faceoff.training.recipe import Recipe
from faceoff.training.scores import HeldOut
from faceoff.training.seeds import derived

_CHECKPOINT_S = 60.0  # seconds between checkpoints within an epoch
_LOOK = 50  # steps between looks at the loss on a GPU, where each look waits for it


class TrainingError(ValueError):
    """A training cannot begin or end; the message says why and what to change."""


@dataclass
class Fitted:
    """A trained network: the weights of its best epoch, and how it came to them.

    stopped: why it ended before its last epoch, None if it did not.
    """

    weights: dict[str, Tensor]
    best: HeldOut
    best_epoch: int
    history: list[Epoch]
    stopped: str | None = None


@dataclass
class _State:
    """All that a checkpoint holds beside the tensors of the networks and the optimiser."""

    step: int = 0
    loss: float = 0.0  # sum over the steps of the epoch so far
    history: list[Epoch] = field(default_factory=list)
    best: HeldOut | None = None
    best_epoch: int = 0
    seconds: float = 0.0


class Training:
    """One network, its lesson and its recipe.

    head: name of the submodule that learns while the rest is frozen; folder: of the checkpoint,
    which the first of several processes writes and all read; job: identifies settings and data, so
    that a checkpoint of others is not continued.
    """

    def __init__(
        self,
        network: nn.Module,
        head: str,
        recipe: Recipe,
        lesson: Lesson,
        folder: Path,
        job: str,
        seed: int,
        device: str = "cpu",
    ):
        self._recipe, self._seed, self._job, self._lesson = recipe, seed, job, lesson
        self._file, self._head = folder / "last.pt", head
        self._device = torch.device(device)
        self._rank, self._world = int(os.environ.get("RANK", 0)), _world()
        network.to(self._device)
        # PyTorch's stubs do not know this argument.
        self._network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._average = copy.deepcopy(self._network)
        self._optimiser = optimisers.optimiser(self._network, recipe)
        self._batch = min(recipe.batch, len(lesson))
        self._per_epoch = max(1, len(lesson) // self._batch)
        self._weights = self._sampling()
        self._best_weights: dict[str, Tensor] = {}
        self._state = _State()
        if stored := checkpoints.load(self._file, job):
            self._restore(stored)
        self._wrapped = self._parallel()

    # -- the whole training ------------------------------------------------------------------------

    def run(self, title: str) -> Fitted:
        """Train to the end, or go on; return the network of the best epoch.

        Raises TrainingError if the loss is no number before one epoch has ended.
        """
        recipe, state = self._recipe, self._state
        first = state.step // self._per_epoch
        stopped = self._is_over()
        with self._meter(title) as advance:
            for epoch in range(first, recipe.epochs):
                if stopped:
                    break
                advance.say(self._said(epoch))
                stopped = self._epoch(epoch, advance) or self._validate(epoch)
                if stopped:  # no number: the checkpoint before stays
                    break
                advance.round(self._said(epoch))
                stopped = self._is_over()
                self._save()
        if state.best is None:
            raise TrainingError(stopped or "the training has no epoch")
        if stopped:
            print(f"{title}: {stopped}; epoch {state.best_epoch} stays", file=sys.stderr)
        return Fitted(self._best_weights, state.best, state.best_epoch, state.history, stopped)

    def _meter(self, title: str) -> AbstractContextManager[Meter]:
        """Return what shows the progress; of several processes only the first one's is shown."""
        per_epoch, step = self._per_epoch * self._batch, self._state.step
        total, done = self._recipe.epochs * per_epoch, step * self._batch
        if self._rank:
            return nullcontext(Meter(Work(title), ()))
        return meter(title, total, done, unit=self._lesson.unit, rounds=True)

    def _said(self, epoch: int) -> str:
        """Return the epoch in words, with the newest score by which the best one is chosen."""
        text = f"epoch {epoch + 1} of {self._recipe.epochs}"
        for last in self._state.history[-1:]:
            measure = self._recipe.select or ("accuracy" if "accuracy" in last else "ccc")
            score, name = last[measure], measure.replace("_", " ")
            share = measure in ("accuracy", "uar")
            text += f", validation {name} " + (f"{100 * score:.2f} %" if share else f"{score:.3f}")
        return text

    def forget(self) -> None:
        """Remove the checkpoint of a training that has ended."""
        self._file.unlink(missing_ok=True)

    @property
    def seconds(self) -> float:
        """Return how long the training has taken, over all starts."""
        return self._state.seconds

    def _is_over(self) -> str | None:
        """Return why training ends here, if it does: no better epoch for too long."""
        patience, done = self._recipe.patience, len(self._state.history)
        if patience is not None and done and done - self._state.best_epoch >= patience:
            return f"no better epoch in {patience}"
        return None

    # -- one epoch ---------------------------------------------------------------------------------

    def _epoch(self, epoch: int, advance: Callable[[int], None]) -> str | None:
        """Take the steps of an epoch that are left; return what went wrong, if anything did."""
        state, began, saved = self._state, time.monotonic(), time.monotonic()
        begin = state.step % self._per_epoch
        if not begin:
            state.loss = 0.0
        frozen = epoch < self._recipe.freeze
        order = self._order(epoch)
        total = torch.tensor(state.loss, dtype=torch.float64, device=self._device)
        for place in range(begin, self._per_epoch):
            rows = order[place * self._batch : (place + 1) * self._batch]
            total += self._step(rows[self._rank :: self._world], frozen)
            advance(len(rows))
            on_cpu = self._device.type == "cpu"
            if (on_cpu or place % _LOOK == 0) and not torch.isfinite(total):
                return (
                    f"the loss is no number at step {place + 1} of epoch {epoch + 1}: lower "
                    "recipe.lr or set recipe.clip_norm"
                )
            state.step += 1
            # Not behind the last step: the scores of the epoch are not in the state yet.
            if place + 1 < self._per_epoch and time.monotonic() - saved > _CHECKPOINT_S:
                state.loss = float(total)
                state.seconds += time.monotonic() - began
                began = saved = time.monotonic()
                self._save()
        state.loss = float(total)
        state.seconds += time.monotonic() - began
        if not np.isfinite(state.loss):
            return (
                f"the loss is no number in epoch {epoch + 1}: lower recipe.lr or set "
                "recipe.clip_norm"
            )
        return None

    def _order(self, epoch: int) -> Tensor:
        """Return the rows of an epoch: each once, or drawn by their weights."""
        generator = torch.Generator().manual_seed(derived(self._seed, "order", epoch))
        n = len(self._lesson)
        if self._weights is None:
            return torch.randperm(n, generator=generator)
        return torch.multinomial(self._weights, n, replacement=True, generator=generator)

    def _sampling(self) -> Tensor | None:
        """Return how likely each item is drawn, by its class; None for each once."""
        labels = self._lesson.labels
        if not self._recipe.balance or labels is None:
            return None
        counts = np.bincount(labels, minlength=self._lesson.classes)
        return torch.as_tensor(counts[labels] ** -self._recipe.balance, dtype=torch.float64)

    def _step(self, rows: Tensor, frozen: bool) -> Tensor:
        """Take one step on these rows; return the loss."""
        recipe, state = self._recipe, self._state
        place = (state.step, self._rank)
        generator = torch.Generator().manual_seed(derived(self._seed, "step", *place))
        torch.manual_seed(derived(self._seed, "dropout", *place))
        steps = recipe.epochs * self._per_epoch
        for group in self._optimiser.param_groups:
            group["lr"] = optimisers.rate(recipe, state.step, steps, self._per_epoch)
        self._train_mode(frozen)
        network = self._network if frozen else self._wrapped
        loss = self._lesson.loss(network, rows, generator, frozen)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        if recipe.clip_norm:
            nn.utils.clip_grad_norm_(self._network.parameters(), recipe.clip_norm)
        self._optimiser.step()
        self._follow()
        return _over_processes(loss.detach().double())

    def _train_mode(self, frozen: bool) -> None:
        """Let the network learn; while its backbone is frozen only the head does."""
        self._network.train(not frozen)
        head = self._network.get_submodule(self._head)
        if frozen:
            head.train()

    def _follow(self) -> None:
        """Let the moving average of the weights follow the network."""
        step = self._state.step
        decay = min(self._recipe.ema, (1 + step) / (10 + step))
        with torch.no_grad():
            own = self._network.state_dict()
            for name, value in self._average.state_dict().items():
                if value.is_floating_point():
                    value.lerp_(own[name], 1 - decay)
                else:
                    value.copy_(own[name])

    # -- scores, checkpoints, several processes ----------------------------------------------------

    def _validate(self, epoch: int) -> str | None:
        """Score the averaged network, and keep it if it is the best so far.

        Return what is wrong if its answers are no numbers.
        """
        state = self._state
        score = _of_first(self._lesson.score(self._average))
        if score is None:
            return (
                f"the network's answers are no numbers behind epoch {epoch + 1}: lower recipe.lr "
                "or set recipe.clip_norm"
            )
        better = score.better_than(state.best, self._recipe.select)
        if better:
            state.best, state.best_epoch = score, epoch + 1
            weights = self._average.state_dict()
            self._best_weights = {
                name: value.detach().cpu().clone(memory_format=torch.contiguous_format)
                for name, value in weights.items()
            }
        steps = self._recipe.epochs * self._per_epoch
        state.history.append(
            {
                "epoch": epoch + 1,
                "step": state.step,
                "lr": optimisers.rate(self._recipe, state.step - 1, steps, self._per_epoch),
                "loss": state.loss / self._per_epoch,
                **score.measures,
                "best": float(better),
            }
        )
        return None

    def _save(self) -> None:
        """Write a checkpoint; only the first of several processes does."""
        if self._rank:
            return
        state = {
            "network": self._network.state_dict(),
            "average": self._average.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "best_weights": self._best_weights,
            "state": asdict(self._state),
        }
        checkpoints.save(self._file, self._job, state)

    def _restore(self, stored: Mapping[str, Any]) -> None:
        self._network.load_state_dict(stored["network"])
        self._average.load_state_dict(stored["average"])
        self._optimiser.load_state_dict(stored["optimiser"])
        self._best_weights = stored["best_weights"]
        best = stored["state"]["best"]
        self._state = _State(**{**stored["state"], "best": HeldOut(**best) if best else None})
        if not self._rank:
            print(f"going on from {self._file}, step {self._state.step}", file=sys.stderr)

    def _parallel(self) -> nn.Module:
        """Return the network, or a copy that averages gradients over the processes of torchrun."""
        if self._world == 1:
            return self._network
        return nn.parallel.DistributedDataParallel(self._network)


def _world() -> int:
    """Return the number of processes that torchrun started for this training."""
    return int(os.environ.get("WORLD_SIZE", 1))


def _over_processes(loss: Tensor) -> Tensor:
    """Return the mean of a number over the processes of torchrun."""
    if _world() > 1:
        torch.distributed.all_reduce(loss)
    return loss / _world()


def _of_first(score: HeldOut | None) -> HeldOut | None:
    """Return the first process's score, as each has normalisations of its own."""
    if _world() > 1:
        box = [score]
        torch.distributed.broadcast_object_list(box, 0)
        (score,) = box
    return score
