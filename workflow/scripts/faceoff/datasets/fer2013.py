"""Read FER2013 (Goodfellow et al. 2013) under its own seven labels.

FER+ (ferplus) relabels the same pictures. Layout: Kaggle's fer2013.csv (emotion, pixels, Usage),
all 35,887 pictures; or the FERPlus generator's FER2013Train, FER2013Valid and FER2013Test (folders,
.tar.gz or .zip) with fer2013_labels.csv (image_name, fer2013_label, labels_among_duplicates), the
pictures that FER+ names.
"""

import csv
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from faceoff import emotions
from faceoff.datasets._fer2013_pictures import (
    PARTS,
    ROWS,
    Part,
    csv_lines,
    fingerprint,
    others,
    row_name,
    split_of,
    twins,
)
from faceoff.plugins.omissions import log_skipped
from faceoff.plugins.options import DataPath, DatasetConfig
from faceoff.plugins.protocols import Sample
from faceoff.spelling import suggestion

DATASETS = {
    "fer2013": {
        "class": "Fer2013",
        "title": "FER2013",
        "terms": "ICML-2013 challenge, research use; pictures may not be passed on",
        "how_to_get": (
            "fer2013.tar.gz of Kaggle's "
            "challenges-in-representation-learning-facial-expression-recognition-challenge"
        ),
    }
}

TABLE = "fer2013_labels.csv"
_TABLE_COLUMNS = ("image_name", "fer2013_label", "labels_among_duplicates")


class Fer2013Options(DatasetConfig):
    """Keys of a fer2013 dataset."""

    path: DataPath = Field(
        description="folder with fer2013.csv, or with the FERPlus generator's parts and "
        "fer2013_labels.csv"
    )
    labels: Literal["csv", "recovered"] | None = Field(
        None,
        description="csv: fer2013.csv, all pictures; recovered: fer2013_labels.csv, those that "
        "FER+ names; default: the first that is there",
    )
    split: Literal["train", "valid", "test"] = Field(
        "test", description="part of the data: Training, PublicTest, PrivateTest"
    )
    clean: Literal["train", "train_valid"] | None = Field(
        None, description="leave out pictures pixel-identical to one of these parts"
    )
    ambiguous: Literal["keep", "drop"] = Field(
        "keep", description="recovered labels of pictures whose identical twin has another label"
    )


class Fer2013:
    """The pictures of one part, in the order of fer2013.csv.

    After `samples`, `left_out` counts by reason those that are not in the task.
    """

    Options = Fer2013Options
    space = emotions.SPACES["basic7"]

    def __init__(self, options: Fer2013Options, seed: int = 0):
        self.options = options
        if not options.path.is_dir():
            raise FileNotFoundError(
                f"{options.path}: the folder of FER2013 is not there (dataset key 'path')"
            )
        tables = {"csv": options.path / "fer2013.csv", "recovered": options.path / TABLE}
        present = [name for name, table in tables.items() if table.is_file()]
        labels: str | None = options.labels or next(iter(present), None)
        if labels is None:
            raise FileNotFoundError(
                f"{options.path}: neither fer2013.csv nor {TABLE} is there (dataset key 'path')"
            )
        self._table = tables[labels]
        if not self._table.is_file():
            raise FileNotFoundError(
                f"{self._table}: the labels are not there (dataset keys 'path', 'labels')"
            )
        if options.ambiguous == "drop" and labels == "csv":
            raise ValueError(
                "dataset key 'ambiguous': the labels of fer2013.csv are its own, none is "
                "ambiguous; it goes with labels: recovered"
            )
        self._from_csv = labels == "csv"
        self._part = Part(options.path, options.split, self._from_csv)
        self._others = others(options.path, options.split, options.clean, self._from_csv)
        self.left_out: Counter[str] = Counter()
        clean = f"-clean_{options.clean}" if options.clean else ""
        unambiguous = "-unambiguous" if options.ambiguous == "drop" else ""
        self.version = f"{labels}-{options.split}{clean}{unambiguous}@1"

    def _csv_rows(self) -> Iterator[tuple[str, str, str, bool]]:
        usages = {usage: split for split, (_, usage) in PARTS.items()}
        for row, _, (code, _, usage) in csv_lines(self._table):
            split = usages.get(usage.decode("utf-8", "replace"))
            if split is None:
                raise ValueError(
                    f"{self._table}, row {row}: unknown Usage "
                    f"{usage.decode('utf-8', 'replace')!r}; known: {', '.join(usages)}"
                )
            if not code.isdigit() or int(code) >= len(emotions.FER2013_ORDER):
                known = ", ".join(
                    f"{number} {label}" for number, label in enumerate(emotions.FER2013_ORDER)
                )
                raise ValueError(
                    f"{self._table}, row {row}: unknown emotion "
                    f"{code.decode('utf-8', 'replace')!r}; known: {known}"
                )
            yield split, row_name(row), emotions.FER2013_ORDER[int(code)], False

    def _recovered_rows(self) -> Iterator[tuple[str, str, str, bool]]:
        seen: set[str] = set()
        with open(self._table, newline="", encoding="utf-8-sig") as file:
            lines = csv.reader(file)
            header = [cell.strip() for cell in next(lines, ())]
            for column in _TABLE_COLUMNS:
                if column not in header:
                    raise ValueError(
                        f"{self._table}: no column {column!r}{suggestion(column, header)}"
                    )
            for cells in lines:
                row = dict(zip(header, (cell.strip() for cell in cells)))
                where = f"{self._table}, line {lines.line_num}"
                if not any(row.values()):
                    continue
                name = row["image_name"]
                split = split_of(name)
                if split is None:
                    raise ValueError(
                        f"{where}: image_name {name!r} is none of the generator's, such as "
                        "fer0032220.png"
                    )
                if name in seen:
                    raise ValueError(f"{where}: image_name {name!r} occurs twice")
                seen.add(name)
                try:
                    label = emotions.canonical(row.get("fer2013_label", ""))
                except ValueError:
                    label = None
                if label not in self.space:
                    known = ", ".join(emotions.FER2013_ORDER)
                    raise ValueError(
                        f"{where}: unknown fer2013_label {row.get('fer2013_label', '')!r}; known: "
                        f"{known}"
                    )
                yield split, name, label, "|" in row.get("labels_among_duplicates", "")

    def _rows(self) -> Iterator[tuple[str, str, str, bool]]:
        """Yield (split, file name, emotion, whether a twin has another label) of every picture."""
        return self._csv_rows() if self._from_csv else self._recovered_rows()

    def samples(self) -> Iterator[Sample]:
        """Yield the part's pictures; report an incomplete copy and what is left out on stderr."""
        split = self.options.split
        self.left_out.clear()
        alike: set[str] = set()
        if self._others:
            names: dict[str, list[str]] = {part: [] for part in PARTS}
            for part, name, _, _ in self._rows():
                names[part].append(name)
            alike = twins(
                self._part,
                names[split],
                [(part, names[other]) for other, part in self._others.items()],
            )
        rows = 0
        for part, name, label, ambiguous in self._rows():
            if part != split:
                continue
            rows += 1
            if name in alike:
                self.left_out["twin in another part"] += 1
            elif ambiguous and self.options.ambiguous == "drop":
                self.left_out["ambiguous label"] += 1
            else:
                # One label has no votes; the other pictures' groups tell nothing, so only recovered
                # labels have this one.
                groups = {} if self._from_csv else {"ambiguous": str(ambiguous).lower()}
                yield Sample(
                    sample_id=Path(name).stem,
                    path=f"{self._part.name}/{name}",
                    label=label,
                    split=split,
                    groups=groups,
                )
        if rows != ROWS[split]:
            print(
                f"fer2013: {rows:,} of {ROWS[split]:,} pictures of {PARTS[split][1]} have a label "
                f"in {self._table}",
                file=sys.stderr,
            )
        log_skipped("fer2013", self.left_out)

    def read(self, sample: Sample) -> bytes:
        return self._part.read(Path(sample.path).name)

    def fingerprint(self) -> Any:
        return (
            fingerprint(self.options.path, self._table.name)
            if not self._from_csv
            else fingerprint(self.options.path)
        )
