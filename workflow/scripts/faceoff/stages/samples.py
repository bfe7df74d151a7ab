"""Stage 1: a dataset's samples as rows, with the task they belong to in the file's metadata."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from faceoff import emotions, registry, tables
from faceoff.progress import track
from faceoff.protocols import Points, Sample
from faceoff.sampling import limited, part_of


def open_dataset(spec: Mapping[str, Any]) -> tuple[Any, Any]:
    """(dataset, its validated options) of a job's spec ({source, class, options, seed})."""
    plugin = registry.load(spec["source"], spec["class"])
    options = plugin.Options.model_validate(spec["options"])
    return plugin(options, seed=spec["seed"]), options


def write_samples(output: Path, spec: Mapping[str, Any]) -> None:
    """Write the samples table; classes of the space that no sample has are said. Raises ValueError when the dataset is empty or an id stands twice."""
    dataset, options = open_dataset(spec)
    version = dataset.version
    if options.part is not None:
        version += f"-{options.part}_of_{'_'.join(f'{share:g}' for share in options.shares)}_seed_{spec['seed']}"
    seen: set[str] = set()
    labels: set[str | None] = set()

    def rows() -> Iterator[dict[str, Any]]:
        for sample in track(selected(dataset, options, spec["seed"]), f"samples of {spec['dataset']}"):
            if sample.sample_id in seen:
                raise ValueError(f"dataset {spec['dataset']}: sample id {sample.sample_id!r} stands twice")
            seen.add(sample.sample_id)
            labels.add(sample.label)
            yield {**asdict(sample), "groups": sorted(sample.groups.items()), "landmarks": flat(sample.landmarks)}
        if not seen:
            raise ValueError(f"dataset {spec['dataset']} is empty: no sample passes its options {spec['options']}")

    task = {
        "name": spec["dataset"],
        "type": spec["type"],
        "version": version,
        "space": dataset.space if options.space is None else emotions.space(options.space, dataset.space),
        "limited": options.limit is not None,
        "headline": spec["headline"],
    }
    tables.write_rows(output, tables.SAMPLES.with_metadata({tables.TASK: json.dumps(task, sort_keys=True)}), rows())
    absent = [emotion for emotion in task["space"] if emotion not in labels]
    if absent and labels != {None}:
        print(f"{spec['dataset']}: no sample of {', '.join(absent)}, in the space of the scores all the same", file=sys.stderr)


def selected(dataset: Any, options: Any, seed: int) -> Iterable[Sample]:
    """The samples that the options `part` and `limit` leave of a dataset, in its order."""
    samples = dataset.samples()
    if options.part is not None:
        samples = part_of(list(samples), options.part, options.shares, seed)
    return samples if options.limit is None else limited(list(samples), options.limit, seed)


def flat(landmarks: Sequence[Points] | None) -> list[list[float]] | None:
    """Landmarks as a table holds them: x1, y1, … x5, y5 of each face."""
    return None if landmarks is None else [[float(value) for point in points for value in point] for points in landmarks]
