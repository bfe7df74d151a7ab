"""Compute the losses that networks are trained with: tensors in, a scalar tensor out.

Logits may have any float type; losses are computed in float32. Targets are rows of class weights
(n, k) that sum to one: a one-hot row is a hard label, vote shares are a distribution, as for the
scheme "CEL" of FER+. Log posteriors are logits, too.
"""

import torch
from torch import Tensor
from torch.nn import functional

# Of the prior of a class without samples: its log stays finite.
_LEAST_PRIOR = 1e-6


def cross_entropy(
    logits: Tensor, target: Tensor, smoothing: float = 0.0, weight: Tensor | None = None
) -> Tensor:
    """Return the mean over rows of −Σ_c w_c·t_c·log p_c.

    Parameters
    ----------
    logits
        (n, k).
    target
        (n, k) class weights that sum to one.
    smoothing
        The share of a target that is spread over all classes: t ← (1 − s)·t + s / k.
    weight
        (k,) weights of the classes; the mean stays that over rows. None: 1.

    References
    ----------
    Barsoum et al. (2016), Training deep networks for facial expression recognition with
    crowd-sourced label distribution, ICMI: its scheme CEL. Szegedy et al. (2016), Rethinking the
    Inception architecture for computer vision, CVPR: smoothing.
    """
    return functional.cross_entropy(
        logits.float(), target.float(), weight=weight, label_smoothing=smoothing
    )


def focal(logits: Tensor, target: Tensor, gamma: float = 2.0) -> Tensor:
    """Return the mean over rows of −Σ_c t_c·(1 − p_c)^γ·log p_c.

    Parameters
    ----------
    logits
        (n, k).
    target
        (n, k) class weights that sum to one.
    gamma
        How much classes that are read well count less; 0 gives the cross-entropy.

    References
    ----------
    Lin et al. (2017), Focal loss for dense object detection, ICCV.
    """
    log_p = functional.log_softmax(logits.float(), dim=1)
    # 1 − p as the sum of the other probabilities: exact where p is close to 1, and never below 0.
    others = (-torch.expm1(log_p)).clamp_min(torch.finfo(log_p.dtype).tiny)
    return -(target.float() * others**gamma * log_p).sum(dim=1).mean()


def multi_target(logits: Tensor, target_mask: Tensor) -> Tensor:
    """Return the mean over rows of −log of the largest probability among the accepted classes.

    Parameters
    ----------
    logits
        (n, k).
    target_mask
        (n, k) of bool, or 0 and 1: the classes that count as right.

    Raises
    ------
    ValueError
        If a row accepts no class.

    References
    ----------
    Barsoum et al. (2016), its scheme ML.
    """
    accepted = target_mask > 0
    if not bool(accepted.any(dim=1).all()):
        raise ValueError("multi_target: a row accepts no class; leave such samples out")
    log_p = functional.log_softmax(logits.float(), dim=1)
    return -log_p.masked_fill(~accepted, -torch.inf).amax(dim=1).mean()


def adjust_logits(logits: Tensor, prior: Tensor, tau: float = 1.0) -> Tensor:
    """Return logits + τ·log prior, to be put into a loss in training and left out afterwards.

    The network then learns scores that are right for equally frequent classes.

    Parameters
    ----------
    logits
        (n, k).
    prior
        (k,) shares of the classes in training. A class without samples counts as one of 1e-6.
    tau
        The strength; 0 changes nothing.

    References
    ----------
    Menon et al. (2021), Long-tail learning via logit adjustment, ICLR, equation 10.
    """
    return logits.float() + tau * prior.float().clamp_min(_LEAST_PRIOR).log()


def draw_labels(target: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Return (n, k) one-hot rows, each drawn by the class weights of its target.

    Parameters
    ----------
    target
        (n, k) class weights.
    generator
        The source of the draws; None is PyTorch's own.

    References
    ----------
    Barsoum et al. (2016), its scheme PLD: each sample gets a new label in each epoch.
    """
    drawn = torch.multinomial(target.float(), 1, generator=generator)[:, 0]
    return functional.one_hot(drawn, target.shape[1]).to(target.dtype)


def clip_log_posteriors(logits: Tensor, clip: Tensor, clips: int) -> Tensor:
    """Return (clips, k) log posteriors of clips: log of the mean of their frames' (protocol §5).

    Parameters
    ----------
    logits
        (n, k) of frames.
    clip
        (n,) number of the frame's clip, 0 to clips − 1; each has a frame.
    """
    log_p = functional.log_softmax(logits.float(), dim=1)
    # The sum of probabilities as seen from the largest: none is rounded to 0.
    largest = log_p.new_full((clips, log_p.shape[1]), -torch.inf)
    rows = clip[:, None].expand_as(log_p)
    largest = largest.scatter_reduce(0, rows, log_p.detach(), "amax")
    total = torch.zeros_like(largest).index_add(0, clip, (log_p - largest[clip]).exp())
    frames = torch.bincount(clip, minlength=clips)[:, None]
    return total.log() + largest - frames.log()


def ccc(
    prediction: Tensor, truth: Tensor, mask: Tensor | None = None, per_clip: bool = False
) -> Tensor:
    """Return 1 − CCC, the concordance correlation coefficient, over the valid moments.

    CCC = 2·cov / (var_p + var_t + (mean_p − mean_t)²), with moments divided by N. A constant
    prediction or truth has CCC 0 (protocol §11). Without any valid moment the loss is 0.

    Parameters
    ----------
    prediction, truth
        (n, t) of n clips with t moments, or (t,).
    mask
        Of the same shape, bool: the valid moments; what stands elsewhere does not count, NaN
        included. None: all.
    per_clip
        Whether the loss is the mean over clips with a valid moment of each clip's own, as the SEND
        paper scores. By default all moments are pooled.

    References
    ----------
    Lin (1989), A concordance correlation coefficient to evaluate reproducibility, Biometrics 45.
    Ong et al. (2019), Modeling emotion in complex stories: the Stanford Emotional Narratives
    Dataset, IEEE Transactions on Affective Computing.
    """
    valid = torch.ones_like(truth, dtype=torch.bool) if mask is None else mask
    # masked before any arithmetic: a NaN times 0 would still be NaN, also in the gradient
    zero = torch.zeros((), device=prediction.device)
    read, told, counted = (
        part.reshape(part.shape[0] if per_clip and part.ndim > 1 else 1, -1)
        for part in (
            torch.where(valid, prediction.float(), zero),
            torch.where(valid, truth.float(), zero),
            valid.float(),
        )
    )
    number = counted.sum(dim=1).clamp_min(1)
    mean_read, mean_told = read.sum(dim=1) / number, told.sum(dim=1) / number
    off_read = (read - mean_read[:, None]) * counted
    off_told = (told - mean_told[:, None]) * counted
    covariance = (off_read * off_told).sum(dim=1) / number
    spread = (off_read**2 + off_told**2).sum(dim=1) / number + (mean_read - mean_told) ** 2
    loss = 1 - 2 * covariance / torch.where(spread > 0, spread, torch.ones_like(spread))
    clips = counted.any(dim=1).float()
    return (loss * clips).sum() / clips.sum().clamp_min(1)
