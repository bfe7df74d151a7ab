"""The same numbers give the same bits, wherever in memory they lie."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from posterior_fixtures import RULES

from faceoff.fusion.rule import Rule
from faceoff.statistics import temperature
from faceoff.statistics.variance_components import decompose

# NumPy has two ways to compute these, which differ in last digits. It takes the slow one where the
# memory of input and output might overlap, and counts
# the memory of a strided view up to where its next element would lie: what the allocator puts there
# decides.
TWO_WAYS = (
    "exp",
    "exp2",
    "expm1",
    "log",
    "log2",
    "log10",
    "log1p",
    "cbrt",
    "power",
    "arctan",
    "arctan2",
    "sinh",
    "cosh",
    "tan",
)


class Watched:
    """A ufunc that takes no view with gaps."""

    def __init__(self, ufunc: np.ufunc) -> None:
        self._ufunc = ufunc

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ufunc, name)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        for argument in arguments:
            if isinstance(argument, np.ndarray) and argument.size > 1:
                extent = (
                    sum(
                        (n - 1) * abs(step)
                        for n, step in zip(argument.shape, argument.strides, strict=True)
                    )
                    + argument.itemsize
                )
                assert extent == argument.nbytes, (
                    f"{self._ufunc.__name__} of a view with gaps: shape {argument.shape}, strides "
                    f"{argument.strides}"
                )
        return self._ufunc(*arguments, **options)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in TWO_WAYS:
        monkeypatch.setattr(np, name, Watched(getattr(np, name)))


def test_the_watch_sees_a_view_with_gaps(watched: None) -> None:
    np.log(np.eye(3) + 1)
    with pytest.raises(AssertionError, match="a view with gaps"):
        np.log((np.eye(3) + 1).diagonal())


def test_the_trap_is_still_there() -> None:
    """The watch may go when NumPy no longer falls into it."""
    memory, ways = np.zeros(64), 0
    square, beside, apart = memory[:9].reshape(3, 3), memory[10:13], memory[40:43]
    for values in np.random.default_rng(0).uniform(0.1, 10, (200, 3)):
        square[np.diag_indices(3)] = values
        np.log(square.diagonal(), out=beside)
        np.log(square.diagonal(), out=apart)
        np.testing.assert_allclose(beside, apart, rtol=1e-14)
        ways += bool((beside != apart).any())
    if not ways:
        pytest.skip("NumPy has one logarithm on this processor")


def by_decomposition(random: np.random.Generator) -> None:
    correct = random.random((6, 40)) < 0.6
    decompose(correct, {"detector": list("aaabbb"), "model": list("xyzxyz")}, None, seed=0)


def by_temperature(random: np.random.Generator) -> None:
    temperature.fit_temperature(random.dirichlet(np.ones(4), 50), random.integers(0, 4, 50))


def by_rule(rule: Rule) -> Callable[[np.random.Generator], None]:
    def compute(random: np.random.Generator) -> None:
        posteriors, truth = random.dirichlet(np.ones(4), (3, 50)), random.integers(0, 4, 50)
        conditions = random.random((3, 50, 6))
        rule.learn(posteriors, truth, conditions)(posteriors, conditions)

    return compute


@pytest.mark.parametrize(
    "compute",
    [by_decomposition, by_temperature, *(by_rule(rule) for rule in RULES.values())],
    ids=["decomposition", "temperature", *RULES],
)
def test_no_logarithm_of_a_view_with_gaps(
    watched: None, compute: Callable[[np.random.Generator], None]
) -> None:
    compute(np.random.default_rng(3))
