"""Tests of several pipelines at once, against statsmodels, scipy, scikit-posthocs and the example
of Demšar 2006.
"""

from itertools import permutations, product

import numpy as np
import pytest
import scipy.stats
from statsmodels.stats.contingency_tables import cochrans_q

from faceoff.statistics import omnibus

# Demšar 2006 (JMLR 7), table 6: AUC of C4.5, C4.5+m, C4.5+cf and C4.5+m+cf on 14 data sets. The
# paper ranks 0.975 and 0.975 of "voting" apart, by digits
# that it does not print; the third is raised by half a unit of the fourth digit.
DEMSAR = np.array(
    [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.97505, 0.975],
        [0.957, 0.978, 0.946, 0.970],
    ]
)


def test_cochran_q_against_statsmodels() -> None:
    random = np.random.default_rng(0)
    correct = random.random((5, 300)) < random.random(300)
    found, judge = omnibus.cochran_q(correct, seed=1), cochrans_q(correct.T.astype(int))
    assert (found.statistic, found.p, found.df) == (
        pytest.approx(judge.statistic),
        pytest.approx(judge.pvalue),
        4,
    )
    assert found.test == "chi-square"


def test_cochran_q_of_two_is_mcnemars_chi_square_and_pipelines_may_come_in_any_order() -> None:
    random = np.random.default_rng(3)
    a, b = random.random((2, 200)) < 0.6
    only_a, only_b = (a & ~b).sum(), (~a & b).sum()
    assert omnibus.cochran_q(np.stack([a, b]), seed=0).statistic == pytest.approx(
        (only_a - only_b) ** 2 / (only_a + only_b)
    )
    correct = random.random((4, 100)) < 0.5
    assert omnibus.cochran_q(correct[::-1], seed=0).statistic == pytest.approx(
        omnibus.cochran_q(correct, seed=0).statistic
    )


def test_cochran_q_where_nobody_ever_differs_and_with_nothing_to_compare() -> None:
    same = np.tile(np.arange(10) < 6, (3, 1))
    assert np.isnan(omnibus.cochran_q(same, seed=0).p)
    for bad in (same[:1], same[:, :0]):
        with pytest.raises(ValueError, match="at least two pipelines and one sample"):
            omnibus.cochran_q(bad, seed=0)


def test_with_clusters_copies_of_a_sample_are_no_evidence() -> None:
    """Ten subjects whose pictures are all alike: the chi-square takes 500 copies for 500 facts, the
    permutation of whole subjects does not.
    """
    random = np.random.default_rng(5)
    correct = np.repeat(random.random((3, 10)) < [[0.8], [0.5], [0.4]], 50, axis=1)
    clusters = np.repeat(np.arange(10), 50)
    assert omnibus.cochran_q(correct, seed=1).p < 1e-6
    judged = omnibus.cochran_q(correct, clusters, seed=1)
    assert judged.p > 0.01
    assert judged.test == "permutation within clusters"
    assert judged == omnibus.cochran_q(correct, clusters, seed=1)


def test_exchange_against_all_permutations() -> None:
    counts = np.array(
        [[[3.0], [1.0]], [[2.0], [2.0]], [[4.0], [1.0]], [[1.0], [2.0]], [[5.0], [0.0]]]
    )
    spread = []
    for order in product(*(list(permutations(range(2))) for _ in counts)):
        totals = sum(cluster[list(levels)] for cluster, levels in zip(counts, order, strict=True))
        spread.append(((totals - totals.mean(axis=0)) ** 2).sum())
    exact = np.mean(np.array(spread) >= spread[0] - 1e-9)
    assert omnibus.exchange_p(counts, seed=2, replicates=20_000) == pytest.approx(exact, abs=0.012)
    assert omnibus.exchange_p(counts[1:2], seed=2) == 1.0, "equal levels cannot be told apart"


def test_friedman_against_scipy_with_ties() -> None:
    random = np.random.default_rng(1)
    scores = random.integers(0, 6, (9, 5)).astype(float)
    found, judge = omnibus.friedman(scores), scipy.stats.friedmanchisquare(*scores.T)
    assert (found.chi2, found.p) == (pytest.approx(judge.statistic), pytest.approx(judge.pvalue))
    np.testing.assert_allclose(found.mean_rank, scipy.stats.rankdata(-scores, axis=1).mean(axis=0))


def test_the_example_of_demsar() -> None:
    found = omnibus.friedman(DEMSAR)
    assert found.mean_rank.round(3).tolist() == [3.143, 2.0, 2.893, 1.964]
    # The paper does not correct for ties: its chi-square and F follow from the mean ranks alone.
    chi2 = 12 * 14 / (4 * 5) * ((found.mean_rank**2).sum() - 4 * 5**2 / 4)
    assert (round(chi2, 2), round(13 * chi2 / (14 * 3 - chi2), 2)) == (9.28, 3.69)
    assert found.chi2 > chi2
    assert found.f == pytest.approx(13 * found.chi2 / (14 * 3 - found.chi2))
    assert found.p_f == pytest.approx(scipy.stats.f.sf(found.f, 3, 39))
    assert round(found.critical_difference, 2) == 1.25


def test_nemenyi_against_scikit_posthocs() -> None:
    """scikit-posthocs 0.17.1, posthoc_nemenyi_friedman of table 6 as printed (both 0.975)."""
    printed = DEMSAR.copy()
    printed[12, 2] = 0.975
    expected = [
        [1.0, 0.08867271, 0.97168647, 0.06168326],
        [0.08867271, 1.0, 0.22669689, 0.99888234],
        [0.97168647, 0.22669689, 1.0, 0.17005164],
        [0.06168326, 0.99888234, 0.17005164, 1.0],
    ]
    np.testing.assert_allclose(omnibus.friedman(printed).p_nemenyi, expected, atol=1e-7)


@pytest.mark.parametrize(("k", "q"), [(2, 1.960), (3, 2.343), (4, 2.569), (10, 3.164)])
def test_critical_values_of_nemenyi_as_published(k: int, q: float) -> None:
    """Demšar 2006, table 5a (α = 0.05)."""
    assert round(omnibus.nemenyi_difference(k, 6) / np.sqrt(k * (k + 1) / 36), 3) == pytest.approx(
        q, abs=0.0011
    )


def test_below_six_datasets_there_are_ranks_and_a_reason() -> None:
    found = omnibus.friedman(DEMSAR[:5])
    assert "too few datasets: 5" in found.reason
    assert np.isnan([found.p, found.p_f, found.critical_difference]).all()
    assert found.mean_rank.sum() == pytest.approx(10)


def test_ties_everywhere_a_perfect_order_and_bad_scores() -> None:
    assert omnibus.friedman(np.ones((7, 3))).reason == "all pipelines tie on every dataset"
    order = omnibus.friedman(np.tile([3.0, 2.0, 1.0], (7, 1)))
    assert (order.mean_rank.tolist(), order.f) == ([1.0, 2.0, 3.0], np.inf)
    assert order.p_f == pytest.approx(6**-6), (
        "of the six orders, six datasets have that of the seventh"
    )
    tied = omnibus.friedman(np.tile([3.0, 2.0, 2.0], (7, 1)))
    assert tied.p_f == pytest.approx(3**-6), "two tie: three orders"
    nearly = np.tile([8.0, 7, 6, 5, 4, 3, 2, 1], (6, 1))
    nearly[0, :2] = 7, 8
    assert omnibus.friedman(nearly).p_f >= omnibus.friedman(np.sort(nearly)).p_f, (
        "all alike is the rarest"
    )
    for bad in (np.ones((7, 1)), np.full((7, 3), np.nan), np.empty((0, 3))):
        with pytest.raises(
            ValueError, match="expected \\(datasets, at least two pipelines\\) without NaN"
        ):
            omnibus.friedman(bad)
