"""The numbers on the pages of FER2013, SEND and the others are the constants that the code or
another anchor test holds.
"""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from faceoff.datasets import avec2013, fer2013, fer2013plus, ferplus, hvb, send, vggface2
from faceoff.datasets._fer2013_pictures import ROWS
from faceoff.emotions import FER2013_ORDER
from faceoff.plugins import registry

PAGES = Path(__file__).resolve().parents[2] / "docs" / "datasets"


def anchors(name: str) -> ModuleType:
    """Another file of this folder: its constants are asserted there against the data."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def page() -> str:
    return (PAGES / "ferplus.md").read_text(encoding="utf-8")


def test_counts_per_rule(page: str) -> None:
    counts = anchors("test_ferplus_counts").COUNTS
    for votes in ("fer2013new", "label"):
        for rule in ferplus.RULES:
            cells = (f"{counts[votes, rule, split]:,}" for split in ("train", "valid", "test"))
            assert f"| {votes} | {rule} | {' | '.join(cells)} |" in page


def test_accuracy_per_rule(page: str) -> None:
    for rule, (right, n, in_set) in anchors("test_ferplus_counts").PD_BEST.items():
        assert (
            f"| {rule} | {right:,} | {n:,} | {right / n:.2%} | "
            f"{'' if in_set is None else f'{in_set / n:.2%} '}|".replace("%", " %")
            in page
        )
    right, n = anchors("test_ferplus_counts").PD_BEST_TWINS
    all_right, all_n, _ = anchors("test_ferplus_counts").PD_BEST["majority"]
    said = f"{right / n:.2%} on the twins and {(all_right - right) / (all_n - n):.2%} on the rest"
    assert said.replace("%", " %") in page


def test_labels(page: str) -> None:
    ours, theirs = anchors("test_fer2013_accuracy"), anchors("test_ferplus_counts")
    for code, label in enumerate(FER2013_ORDER):
        cells = [
            *(ours.CLASSES[split][label] for split in ("train", "valid", "test")),
            theirs.MAJORITY_CLASSES[label],
            theirs.KAGGLE_CLASSES[label],
        ]
        assert f"| {code} | {label} | {' | '.join(f'{cell:,}' for cell in cells)} |" in page
    assert (
        f"| {theirs.MAJORITY_CLASSES['contempt']} | {theirs.KAGGLE_CLASSES['contempt']} |" in page
    )
    totals = [
        *(sum(ours.CLASSES[split].values()) for split in ("train", "valid", "test")),
        *(sum(c.values()) for c in (theirs.MAJORITY_CLASSES, theirs.KAGGLE_CLASSES)),
    ]
    assert f"| | all | {' | '.join(f'{total:,}' for total in totals)} |" in page
    assert totals[-1] == fer2013plus.TEST_PICTURES
    assert (
        f"{', '.join(f'{rows:,}' for rows in list(ROWS.values())[:2])} and {ROWS['test']:,}" in page
    )
    assert f"{sum(ROWS.values()):,} faces" in page


def test_traps(page: str) -> None:
    ours = anchors("test_fer2013_accuracy")
    n = sum(ours.CLASSES["test"].values())
    for said in (
        f"288 of the {n:,} test pictures are pixel-identical",
        "259 of the 3,153 scored by majority are, 284 counting valid",
        "`clean: train` leaves 2,894, `clean: train_valid` 2,869",
        f"of fer2013, `clean: train` leaves {n - 288:,}",
        "17 test pictures stand twice",
        "differ in 283 test rows",
        f"{sum(ours.AMBIGUOUS.values())} recovered labels are ambiguous "
        f"({', '.join(f'{count} {split}' for split, count in ours.AMBIGUOUS.items())})",
        f"{ours.CONTRADICTED} of the 288",
        f"{ours.MISNUMBERED:,} of 35,714 names",
        f"{ours.RIGHT['float32']:,} right, {ours.RIGHT['float32'] / n:.2%}".replace("%", " %"),
        f"{ours.RIGHT['8-bit']:,} ({ours.RIGHT['8-bit'] / n:.2%})".replace("%", " %"),
        f"{ours.AGREEING:,}: {ours.AGREEING / n:.2%}".replace("%", " %"),
    ):
        assert said in page, said


def test_send() -> None:
    page = (PAGES / "send.md").read_text(encoding="utf-8")
    people = {
        "train": 29,
        "valid": 10,
        "test": 10,
    }  # counted in the authors' partitions; nobody is in two of them
    for what, counts in (
        ("clips", send.CLIPS),
        ("given out as video", send.SHARED),
        ("people", people),
    ):
        assert (
            f"| {what} | {' | '.join(str(counts[split]) for split in ('train', 'valid', 'test'))} "
            f"| {sum(counts.values())} |" in page
        )
    assert f"every {send.WINDOW_S} s" in page


def test_vggface2() -> None:
    page = (PAGES / "vggface2.md").read_text(encoding="utf-8")
    assert f"{sum(vggface2.IDENTITIES.values()):,} people" in page
    assert f"{vggface2.IDENTITIES['train']:,} identities" in page
    assert f"{vggface2.IDENTITIES['test']} identities" in page
    assert ", ".join(vggface2.BOX_COLUMNS) in page


def test_hvb() -> None:
    page = (PAGES / "hvb.md").read_text(encoding="utf-8")
    assert ", ".join(hvb.STATES) in page
    assert (
        f"{', '.join(hvb.HumeVocalBursts.space[:3])}, then "
        f"{', '.join(hvb.HumeVocalBursts.space[3:])}" in page
    )


OWN_PAGE = {"fer2013": "ferplus", "fer2013plus": "ferplus"}


@pytest.mark.parametrize(
    "module",
    [ferplus, fer2013, fer2013plus, send, avec2013, vggface2, hvb],
    ids=lambda module: module.__name__,
)
def test_every_key_is_on_the_page(module: ModuleType) -> None:
    """Keys of the dataset's own (those of all datasets are in docs/configuration.md), and its name
    as config.yaml writes it.
    """
    name = module.__name__.rsplit(".", 1)[-1]
    page = (PAGES / f"{OWN_PAGE.get(name, name)}.md").read_text(encoding="utf-8")
    options = getattr(module, next(iter(module.DATASETS.values()))["class"]).Options
    for key in options.model_fields.keys() - options.__base__.model_fields.keys():
        assert f"`{key}`" in page or f"{key}:" in page, key
    for plugin in module.DATASETS:
        assert registry.get("dataset", plugin).card["title"]
        assert f"  {plugin}: {{path:" in page
