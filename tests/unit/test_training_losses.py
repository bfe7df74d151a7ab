"""Losses of training against the same sums written in NumPy, and what degenerate input gives."""

from collections.abc import Callable

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from scipy.special import log_softmax  # noqa: E402
from scipy.stats import pearsonr  # noqa: E402

from faceoff.scoring import metrics  # noqa: E402
from faceoff.training import losses  # noqa: E402

RANDOM = np.random.default_rng(20261128)
LOGITS = RANDOM.normal(0, 2, (7, 5))
SHARES = RANDOM.dirichlet(np.ones(5), 7)
LABELS = RANDOM.integers(0, 5, 7)
HARD = np.eye(5)[LABELS]


def tensor(values: np.ndarray, **options: object) -> torch.Tensor:
    return torch.tensor(np.asarray(values), dtype=torch.float64, **options)


# -- classes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", [SHARES, HARD])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_is_the_sum_over_classes(target: np.ndarray, smoothing: float) -> None:
    smooth = (1 - smoothing) * target + smoothing / 5
    expected = -(smooth * log_softmax(LOGITS, axis=1)).sum(axis=1).mean()
    found = losses.cross_entropy(tensor(LOGITS), tensor(target), smoothing)
    assert found.item() == pytest.approx(expected, rel=1e-6)


def test_cross_entropy_weighs_classes_and_means_over_rows() -> None:
    weight = np.array([1, 2, 0.5, 0, 3])
    expected = -(weight * SHARES * log_softmax(LOGITS, axis=1)).sum(axis=1).mean()
    found = losses.cross_entropy(
        tensor(LOGITS), tensor(SHARES), weight=torch.tensor(weight, dtype=torch.float32)
    )
    assert found.item() == pytest.approx(expected, rel=1e-6)


def test_a_certain_answer_by_hand() -> None:
    """Odds of 3 to 1 give p = 0.75: −ln 0.75, and a quarter of a quarter of it for γ = 2."""
    logits, target = tensor([[np.log(3), 0.0]]), tensor([[1.0, 0.0]])
    assert losses.cross_entropy(logits, target).item() == pytest.approx(0.287682, abs=1e-6)
    assert losses.focal(logits, target, 2).item() == pytest.approx(0.287682 / 16, abs=1e-6)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_focal_loss_counts_what_is_read_well_less(gamma: float) -> None:
    log_p = log_softmax(LOGITS, axis=1)
    expected = -(SHARES * (1 - np.exp(log_p)) ** gamma * log_p).sum(axis=1).mean()
    found = losses.focal(tensor(LOGITS), tensor(SHARES), gamma)
    assert found.item() == pytest.approx(expected, rel=1e-5)
    if gamma == 0:
        plain = losses.cross_entropy(tensor(LOGITS), tensor(SHARES))
        assert found.item() == pytest.approx(plain.item(), rel=1e-6)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_focal_loss_has_a_gradient_where_an_answer_is_certain(gamma: float) -> None:
    """With γ below 1 the slope of (1 − p)^γ has no bound at p = 1."""
    logits = torch.tensor([[200.0, 0.0, 0.0]], requires_grad=True)
    losses.focal(logits, torch.tensor([[1.0, 0.0, 0.0]]), gamma).backward()
    assert torch.isfinite(logits.grad).all()


def test_multi_target_takes_the_best_of_the_accepted() -> None:
    accepted = np.array([[1, 0, 0], [0, 1, 1], [1, 1, 1]])
    p = np.array([[0.2, 0.5, 0.3], [0.7, 0.1, 0.2], [0.1, 0.3, 0.6]])
    expected = -np.log([0.2, 0.2, 0.6]).mean()
    for mask in (tensor(accepted), torch.tensor(accepted, dtype=torch.bool)):
        found = losses.multi_target(tensor(np.log(p)), mask)
        assert found.item() == pytest.approx(expected, rel=1e-6)


def test_multi_target_refuses_a_row_that_accepts_nothing() -> None:
    with pytest.raises(ValueError, match="accepts no class"):
        losses.multi_target(tensor(LOGITS), tensor(np.zeros((7, 5))))


@pytest.mark.parametrize("tau", [0.0, 0.5, 1.0])
def test_logit_adjustment_adds_the_log_prior(tau: float) -> None:
    prior = np.array([0.5, 0.2, 0.2, 0.05, 0.05])
    expected = LOGITS + tau * np.log(prior)
    found = losses.adjust_logits(tensor(LOGITS), tensor(prior), tau)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5)


def test_a_class_without_samples_keeps_the_loss_finite() -> None:
    logits = tensor(LOGITS, requires_grad=True)
    adjusted = losses.adjust_logits(logits, tensor([0.5, 0.5, 0, 0, 0]))
    loss = losses.cross_entropy(adjusted, tensor(np.eye(5)[[0, 1, 0, 1, 0, 1, 0]]))
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()


def test_drawn_labels_follow_the_votes() -> None:
    votes = tensor(np.tile([0.7, 0.0, 0.3], (20_000, 1)))
    drawn = losses.draw_labels(votes, torch.Generator().manual_seed(1))
    again = losses.draw_labels(votes, torch.Generator().manual_seed(1))
    assert torch.equal(drawn, again)
    assert set(drawn.unique().tolist()) == {0.0, 1.0}
    assert (drawn.sum(dim=1) == 1).all()
    np.testing.assert_allclose(drawn.mean(dim=0).numpy(), [0.7, 0, 0.3], atol=0.01)


@pytest.mark.parametrize(
    "loss",
    [
        lambda logits: losses.cross_entropy(logits, tensor(SHARES), 0.1),
        lambda logits: losses.focal(logits, tensor(SHARES)),
        lambda logits: losses.multi_target(logits, tensor(HARD)),
        lambda logits: losses.cross_entropy(
            losses.adjust_logits(logits, tensor(SHARES.mean(axis=0))), tensor(HARD)
        ),
    ],
    ids=["cross_entropy", "focal", "multi_target", "logit_adjustment"],
)
def test_large_and_reduced_logits_stay_finite(loss: Callable[..., torch.Tensor]) -> None:
    logits = (1e4 * torch.tensor(LOGITS, dtype=torch.float32)).requires_grad_()
    value = loss(logits)
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(logits.grad).all()
    reduced = loss(torch.tensor(LOGITS, dtype=torch.bfloat16))
    assert reduced.dtype == torch.float32


# -- valence ---------------------------------------------------------------------------------------

TRUTH = RANDOM.normal(0, 1, (3, 40))
READ = 0.6 * TRUTH + RANDOM.normal(0.2, 0.5, (3, 40))
VALID = RANDOM.random((3, 40)) < 0.8


def concordance(read: np.ndarray, truth: np.ndarray) -> float:
    """Return CCC by Pearson's r and standard deviations, divided by N."""
    r = pearsonr(read, truth).statistic
    return float(
        2 * r * read.std() * truth.std()
        / (read.var() + truth.var() + (read.mean() - truth.mean()) ** 2)
    )  # fmt: skip


def test_ccc_loss_pools_valid_moments_as_scores_do() -> None:
    truth = np.where(VALID, TRUTH, np.nan)
    found = losses.ccc(tensor(READ), tensor(truth), torch.tensor(VALID))
    expected = concordance(READ[VALID], TRUTH[VALID])
    assert 1 - found.item() == pytest.approx(expected, abs=1e-6)
    assert 1 - found.item() == pytest.approx(metrics.ccc(TRUTH[VALID], READ[VALID]), abs=1e-6)
    everywhere = losses.ccc(tensor(READ), tensor(TRUTH))
    assert 1 - everywhere.item() == pytest.approx(concordance(READ.ravel(), TRUTH.ravel()), 1e-6)


def test_ccc_loss_per_clip_is_the_mean_over_clips() -> None:
    expected = np.mean([concordance(READ[i][VALID[i]], TRUTH[i][VALID[i]]) for i in range(3)])
    found = losses.ccc(tensor(READ), tensor(TRUTH), torch.tensor(VALID), per_clip=True)
    assert 1 - found.item() == pytest.approx(expected, abs=1e-6)
    with_empty = losses.ccc(
        tensor(np.vstack([READ, READ[:1]])),
        tensor(np.vstack([TRUTH, TRUTH[:1]])),
        torch.tensor(np.vstack([VALID, np.zeros((1, 40), bool)])),
        per_clip=True,
    )
    assert with_empty.item() == pytest.approx(found.item(), abs=1e-6)


def test_ccc_loss_by_hand() -> None:
    """Truth 0, 1, 2 read as 1, 2, 3: cov 2/3, both variances 2/3, means one apart: CCC 4/7."""
    found = losses.ccc(tensor([1.0, 2.0, 3.0]), tensor([0.0, 1.0, 2.0]))
    assert found.item() == pytest.approx(3 / 7, abs=1e-6)


@pytest.mark.parametrize(
    ("read", "truth", "expected"),
    [
        ([0.5, 0.5, 0.5], [0.0, 1.0, 2.0], 1.0),
        ([0.5, 0.5, 0.5], [0.5, 0.5, 0.5], 1.0),
        ([0.0, 1.0, 2.0], [0.0, 1.0, 2.0], 0.0),
        ([0.0, -1.0, 1.0], [0.0, 1.0, -1.0], 2.0),
    ],
)
def test_ccc_loss_of_constants_and_of_the_truth(
    read: list[float], truth: list[float], expected: float
) -> None:
    prediction = tensor(read, requires_grad=True)
    loss = losses.ccc(prediction, tensor(truth))
    loss.backward()
    assert loss.item() == pytest.approx(expected, abs=1e-6)
    assert torch.isfinite(prediction.grad).all()


def test_ccc_loss_without_valid_moments_is_zero_and_has_a_gradient() -> None:
    prediction = tensor(READ, requires_grad=True)
    truth = tensor(np.full_like(READ, np.nan))
    loss = losses.ccc(prediction, truth, torch.zeros(3, 40, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(prediction.grad, torch.zeros_like(prediction))


def test_ccc_loss_ignores_what_is_not_valid() -> None:
    prediction = tensor(READ, requires_grad=True)
    truth = tensor(np.where(VALID, TRUTH, np.nan))
    losses.ccc(prediction, truth, torch.tensor(VALID)).backward()
    assert (prediction.grad[torch.tensor(~VALID)] == 0).all()
    assert (prediction.grad[torch.tensor(VALID)] != 0).all()
