"""Teach a network what clips show over time."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from faceoff.statistics.arrays import Floats, Ints
from faceoff.training import augment, losses
from faceoff.training.clips import Clips
from faceoff.training.lesson import LabelLoss, autocast
from faceoff.training.picture_lesson import Input, shares_of
from faceoff.training.recipe import Recipe
from faceoff.training.scores import HeldOut, held_out

_SCORED = 16  # clips of a batch while scoring


class ClipLesson:
    """Clips to learn from and others to be judged on; see `lesson.Lesson`.

    The loss of labels is that of the recipe: on the frames' own labels, or on the mean of the
    frames' posteriors against the clip's label. Valence and arousal add `affect` times the mean of
    1 − CCC over the moments of a step.

    normalise: of pictures; None where the frames are features.
    """

    unit = "clips"

    def __init__(
        self,
        recipe: Recipe,
        clips: Clips,
        validation: Clips,
        affect: float,
        normalise: Input | None = None,
        device: str = "cpu",
    ):
        self._recipe, self._clips, self._validation = recipe, clips, validation
        self._affect, self._input = affect, normalise
        self._device = torch.device(device)
        self._label_loss = (
            LabelLoss(recipe, clips.targets, clips.labels, self._device) if self.classes else None
        )

    @property
    def labels(self) -> Ints | None:
        """Return the label of each clip; None where frames have them, or not every clip has."""
        clips = self._clips
        return None if clips.of_frames or (clips.labels < 0).any() else clips.labels

    @property
    def classes(self) -> int:
        """Return the number of classes."""
        return self._clips.targets.shape[1]

    def __len__(self) -> int:
        return len(self._clips)

    def loss(
        self, network: nn.Module, rows: Tensor, generator: torch.Generator, frozen: bool
    ) -> Tensor:
        """Return the loss on these clips; `frozen`: what reads the frames stays as it is."""
        clips, k = self._clips, self.classes
        numbers = rows.numpy()
        frames = clips.frames_of(numbers)
        # A clip may be drawn twice, so its number in the step is another one.
        sizes = np.bincount(clips.clip, minlength=len(clips))[numbers]
        place = torch.from_numpy(np.repeat(np.arange(len(numbers)), sizes))
        shares = _shares(np.asarray(clips.frames[frames]), self._device)
        if self._input is not None:
            shares = augment.augmented(shares, self._recipe.augment, generator, place)
        inputs = _normalised(shares, self._input)
        times, stretch = _moments(clips, frames, place, self._device)
        with autocast(self._recipe, self._device):
            outputs = network(inputs, times, stretch, frozen=frozen)
        logits, affect = outputs.float().split((k, outputs.shape[1] - k), dim=1)
        total = logits.new_zeros(())
        if self._label_loss is not None:
            total = total + self._of_labels(logits, rows, frames, place, generator)
        if affect.shape[1]:
            truth = torch.as_tensor(clips.affect[frames], dtype=torch.float32).to(self._device)
            parts = [
                losses.ccc(read, told, torch.isfinite(told))
                for read, told in zip(affect.T, truth.T, strict=True)
            ]
            total = total + self._affect * torch.stack(parts).mean()
        return total

    def _of_labels(
        self, logits: Tensor, rows: Tensor, frames: Ints, place: Tensor, generator: torch.Generator
    ) -> Tensor:
        """Return the loss of the labels; 0 if none of these clips has one."""
        assert self._label_loss is not None
        clips = self._clips
        if clips.of_frames:
            items = torch.from_numpy(frames)
        else:
            items = rows
            logits = losses.clip_log_posteriors(logits, place.to(self._device), len(rows))
        labelled = torch.from_numpy(clips.labels[items.numpy()] >= 0)
        if not labelled.any():
            return logits.sum() * 0
        targets = self._label_loss.targets(items[labelled], generator)
        return self._label_loss(logits[labelled.to(self._device)], targets)

    def score(self, network: nn.Module) -> HeldOut | None:
        """Judge a network on the validation clips; None if its answers are no numbers.

        The accuracy is that of clips or of frames, as the labels are.
        """
        found = answers(network, self._validation, self._input, self._device)
        finite = all(np.isfinite(part).all() for part in found)
        return held_out_clips(*found, self._validation) if finite else None


def _shares(frames: npt.NDArray[Any], device: torch.device) -> Tensor:
    """Return features as they are, or pictures as (n, c, h, w) of 0 to 1."""
    if frames.dtype == np.uint8:
        return shares_of(frames, device)
    return torch.from_numpy(frames).to(device)


def _normalised(shares: Tensor, normalise: Input | None) -> Tensor:
    """Return what the network reads."""
    if normalise is None:
        return shares
    return normalise.normalised(shares).float().contiguous(memory_format=torch.channels_last)


def answers(
    network: nn.Module, clips: Clips, normalise: Input | None, device: torch.device
) -> tuple[Floats, Floats]:
    """Return a network's posteriors (n, k), and valence and arousal (n, a), of each frame.

    It answers in evaluation mode. k is 0 where the clips have no targets.
    """
    network.eval()
    found = []
    with torch.inference_mode():
        for start in range(0, len(clips), _SCORED):
            numbers = np.arange(start, min(start + _SCORED, len(clips)))
            frames = clips.frames_of(numbers)
            place = torch.from_numpy(clips.clip[frames])
            times, stretch = _moments(clips, frames, place, device)
            shares = _shares(np.asarray(clips.frames[frames]), device)
            outputs = network(_normalised(shares, normalise), times, stretch)
            found.append(outputs.double().cpu())
    k = clips.targets.shape[1]
    whole = torch.cat(found)
    return whole[:, :k].softmax(dim=1).numpy(), whole[:, k:].numpy()


def _moments(
    clips: Clips, frames: Ints, place: Tensor, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Return the time of each frame, and a number of its stretch that is one per drawn clip."""
    stretch = torch.from_numpy(clips.stretch[frames]) + (int(clips.stretch[-1]) + 1) * place
    return torch.from_numpy(clips.times[frames]).to(device), stretch.to(device)


def held_out_clips(posteriors: Floats, affect: Floats, clips: Clips) -> HeldOut:
    """Score what a network answers to clips.

    Parameters
    ----------
    posteriors
        (n, k) of the frames; a clip's is the mean of its frames' (protocol §5).
    affect
        (n, a) valence and arousal of the frames; their CCC is over all annotated moments.
    clips
        With a label, where k is not 0.
    """
    score = HeldOut()
    if posteriors.shape[1]:
        if not clips.of_frames:
            sums = np.zeros((len(clips), posteriors.shape[1]))
            np.add.at(sums, clips.clip, posteriors)
            posteriors = sums / np.bincount(clips.clip)[:, None]
        labelled = clips.labels >= 0
        score = held_out(posteriors[labelled], clips.labels[labelled])
    pairs = zip(torch.from_numpy(affect).T, torch.from_numpy(clips.affect).T, strict=True)
    parts = [
        1 - losses.ccc(own, told, there)
        for own, told in pairs
        if (there := torch.isfinite(told)).any()
    ]
    return replace(score, ccc=float(torch.stack(parts).mean())) if parts else score
