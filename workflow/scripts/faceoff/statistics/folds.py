"""Cut samples into folds that keep subjects apart (protocol §19)."""

import numpy as np

from faceoff.statistics.arrays import Floats, Ints, Labels


def stratified_group_folds(
    labels: Labels, groups: Labels | None = None, k: int = 5, *, seed: int
) -> Ints:
    """Cut samples into folds, stratified by label, without splitting a group (protocol §19).

    Without groups, each class is shuffled and dealt round, the next class going on where the last
    stopped, so fold sizes differ by at most one. With groups, they are shuffled; then, largest
    first, each goes to the fold where it leaves the class counts most even, ties to the smaller
    fold.

    Parameters
    ----------
    labels
        (n,) class of each sample.
    groups
        (n,) group of each sample, such as its subject; None where samples are independent.
    k
        Number of folds, at least 2.
    seed
        The folds are a function of the arguments and this seed alone.

    Returns
    -------
    (n,) fold of each sample, 0 … k-1.

    Raises
    ------
    ValueError
        If there are fewer samples or groups than folds.
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or k < 2:
        raise ValueError(f"labels, k: shape {labels.shape} and {k} given, expected (n,) and k ≥ 2")
    classes, label = np.unique(labels, return_inverse=True)
    random = np.random.default_rng(seed)
    if groups is None:
        if len(labels) < k:
            raise ValueError(f"labels: {len(labels)} samples given, expected at least k = {k}")
        shuffled = random.permutation(len(labels))
        dealt = shuffled[np.argsort(label[shuffled], kind="stable")]
        folds = np.empty(len(labels), dtype=np.int64)
        folds[dealt] = np.arange(len(labels)) % k
        return folds
    group = group_index(groups, len(labels))
    counts = np.zeros((group.max(initial=-1) + 1, len(classes)))
    np.add.at(counts, (group, label), 1)
    if len(counts) < k:
        raise ValueError(f"groups: {len(counts)} different groups given, expected at least k = {k}")
    return _deal_groups(counts, k, random)[group]


def check_folds(folds: Ints, n: int) -> Ints:
    """Return the folds as an array.

    Raises
    ------
    ValueError
        Unless they are (n,) integers of at least 0, of at least two folds.
    """
    folds = np.asarray(folds)
    if folds.shape != (n,):
        raise ValueError(f"folds: shape {folds.shape} given, expected ({n},)")
    if len(np.unique(folds)) < 2 or not np.issubdtype(folds.dtype, np.integer) or folds.min() < 0:
        raise ValueError("folds: expected integers ≥ 0 with at least two different folds")
    return folds


def _deal_groups(counts: Floats, k: int, random: np.random.Generator) -> Ints:
    """Return (G,) the fold of each group, from its class counts (G, classes)."""
    shares = counts / counts.sum(axis=0)
    shuffled = random.permutation(len(counts))
    fold_of = np.empty(len(counts), dtype=np.int64)
    filled = np.zeros((k, counts.shape[1]))
    for group in shuffled[np.argsort(-counts[shuffled].sum(axis=1), kind="stable")]:
        # Σ over folds of squared class shares grows by 2·filled·share + share²: the least growth is
        # the most even outcome
        growth = np.round(filled @ shares[group], 12)
        fold = int(np.lexsort((filled.sum(axis=1).round(12), growth))[0])
        fold_of[group] = fold
        filled[fold] += shares[group]
    return fold_of


def group_index(clusters: Labels, n: int) -> Ints:
    """Return the number (n,) of each sample's cluster, 0 … G-1 in sorted order.

    Raises
    ------
    ValueError
        If there is not one label per sample.
    """
    clusters = np.asarray(clusters)
    if clusters.shape != (n,):
        raise ValueError(
            f"clusters: shape {clusters.shape} given, expected ({n},), one label per sample"
        )
    index: Ints = np.unique(clusters, return_inverse=True)[1]
    return index
