"""Tell the stage that divides samples by what is measured of their faces what to do."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from faceoff.plan.sections import GroupConfig, RunConfig
from faceoff.plugins.group_files import PREDICTED, GroupTable
from faceoff.plugins.jobs import Job
from faceoff.scoring.measured_groups import MEASURES
from faceoff.spelling import suggestion


@dataclass(frozen=True, kw_only=True)
class GroupMeasure:
    """A measure that divides samples.

    measure: its name; detector: whose faces, "" for what the dataset itself says; signal: what
    measures, None for the box and the dataset; edges: in the place of the measure's own; error:
    what the signal's card states; skip: why it cannot run here.
    """

    measure: str
    detector: str
    signal: str | None
    edges: tuple[float, ...]
    error: str
    skip: str | None = None


@dataclass(frozen=True, kw_only=True)
class GroupsJob(Job):
    """Divide the samples of a dataset. policy: the face of a frame that counts."""

    dataset: str
    measures: tuple[GroupMeasure, ...]
    policy: str


def signal_of(config: RunConfig, measure: str) -> str | None:
    """Return the signal of the run that measures; None where none does, or none has to."""
    section, known = config.groups[measure], MEASURES[measure].signals
    if section.signal is not None:
        return section.signal
    plug_ins = {name: signal.signal or name for name, signal in config.signals.items()}
    return next((name for each in known for name in plug_ins if plug_ins[name] == each), None)


def detector_of(config: RunConfig, measure: str) -> str | None:
    """Return the detector whose faces count: the first of the run, that the signal reads.

    None where the dataset itself has the number.
    """
    if MEASURES[measure].of == "dataset":
        return None
    section, signal = config.groups[measure], signal_of(config, measure)
    if section.detector is not None:
        return section.detector
    patterns = config.signals[signal].detectors if signal in config.signals else ["*"]
    return next(
        (name for name in config.detectors if any(fnmatchcase(name, each) for each in patterns)),
        None,
    )


def faults(config: RunConfig) -> Iterator[str]:
    """Yield a line for each group of the configuration that nothing measures."""
    for name, section in config.groups.items():
        where = f"groups.{name}"
        known, of = MEASURES[name].signals, MEASURES[name].of
        signal = signal_of(config, name)
        if of != "signal" and section.signal is not None:
            yield f"{where}.signal: the {of} gives it: remove the key"
        elif of == "dataset" and section.detector is not None:
            yield f"{where}.detector: the dataset gives it: remove the key"
        elif known and signal is None:
            yield (
                f"{where}: no signal of this run measures it: add signals: {{{known[0]}: {{}}}}, "
                f"or name one of your own in {where}.signal"
            )
        elif known and signal not in config.signals:
            yield f"{where}.signal: no signal {signal!r}{_nearest(signal, list(config.signals))}"
        elif section.detector is not None:
            yield from _wrong_detector(config, name, section, signal)
        if name == "sex" and section.bins:
            yield f"{where}.bins: it has two levels and no bins: remove the key"


def _wrong_detector(
    config: RunConfig, name: str, section: GroupConfig, signal: str | None
) -> Iterator[str]:
    where, detector = f"groups.{name}.detector", section.detector or ""
    if detector not in config.detectors:
        yield f"{where}: no detector {detector!r}{suggestion(detector, config.detectors)}"
    elif signal is not None:
        patterns = config.signals[signal].detectors
        if not any(fnmatchcase(detector, each) for each in patterns):
            yield (
                f"{where}: signals.{signal}.detectors leaves out {detector}: it reads "
                f"{', '.join(patterns)}"
            )


def _nearest(signal: str | None, names: Sequence[str]) -> str:
    return suggestion(signal or "", names) if names else "; the run has no signals"


def twice(config: RunConfig, tables: Sequence[GroupTable]) -> Iterator[str]:
    """Yield a line for each group that both a table and the run itself would name."""
    for table in tables:
        for name in table.columns:
            if name.removesuffix(PREDICTED) in config.groups and name.endswith(PREDICTED):
                plain = name.removesuffix(PREDICTED)
                yield (
                    f"{table.path}, column {table.columns[name]!r}: the run predicts {plain!r} "
                    f"itself (groups.{plain}): rename this one in groups_from.columns"
                )
