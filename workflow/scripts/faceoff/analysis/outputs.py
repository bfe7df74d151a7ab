"""Write the files of an analysis into a folder."""

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from faceoff.analysis import document, openface, overlay, page, people, summary
from faceoff.analysis.result import Analysis
from faceoff.analysis.voice import Voice
from faceoff.plugins import registry
from faceoff.plugins.plugin import Plugin
from faceoff.storage import csv_text, files

KINDS = ("json", "csv", "plot", "html")  # that are written by default
_SOURCE = "source.json"  # written first: of which file a folder's files are, finished or not
_DONE = "done.json"  # written last: of which file, and by what, a folder's files were made
_NAMES = (
    *("analysis.json", "timeline.json", "frames.csv", "action_units.csv", "summary.txt"),
    *("speech.json", "speech.csv", "voice.csv"),
    *("timeline.svg", "timeline.png", "units.svg", "units.png"),
    *("analysis.html", "overlay.mp4", "overlay.png"),
)


def write(analysis: Analysis, folder: Path, kinds: Collection[str] = KINDS) -> None:
    """Write summary.txt and the files of these kinds: json, csv, plot, html, overlay.

    Those that another call wrote are removed first, so that a folder never mixes two analyses.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in (_DONE, *_NAMES):
        (folder / name).unlink(missing_ok=True)
    for kind in sorted(kinds, key=list(_WRITE).index):
        _WRITE[kind](analysis, folder)
    files.write_text(folder / "summary.txt", "\n".join(summary_lines(analysis)) + "\n")


def _json(analysis: Analysis, folder: Path) -> None:
    frames = analysis.frame_documents()
    files.write_json_rows(folder / "analysis.json", frames, analysis.head(), "frame_analyses")
    files.write_json_rows(folder / "timeline.json", analysis.timeline())
    if analysis.voice is not None:
        files.write_json_rows(folder / "speech.json", moments(analysis.voice))


def _csv(analysis: Analysis, folder: Path) -> None:
    csv_text.write(folder / "frames.csv", openface.headings(analysis), openface.rows(analysis))
    if analysis.unit_columns:
        csv_text.write(folder / "action_units.csv", UNIT_COLUMNS, unit_rows(analysis))
    if (voice := analysis.voice) is not None:
        said = document.affect_columns(voice.emotions)
        heads = ("segment", "start_s", "end_s", "speaker", *said)
        csv_text.write(folder / "speech.csv", heads, voice.segments.select(heads).to_pylist())
        csv_text.write(folder / "voice.csv", ("timestamp", "frame", *said), voice_rows(voice))


def _plot(analysis: Analysis, folder: Path) -> None:
    from faceoff.figures import canvas

    if len(analysis.frames):
        canvas.save(analysis.plot(), folder / "timeline", ["svg", "png"])
        if analysis.unit_columns:
            canvas.save(analysis.plot_units(), folder / "units", ["svg", "png"])


def _html(analysis: Analysis, folder: Path) -> None:
    page.write(analysis, folder / "analysis.html", summary_lines(analysis))


def _overlay(analysis: Analysis, folder: Path) -> None:
    overlay.write(analysis, folder)


# In this order: the page links the overlay.
_WRITE: dict[str, Callable[[Analysis, Path], None]] = {
    "json": _json,
    "csv": _csv,
    "plot": _plot,
    "overlay": _overlay,
    "html": _html,
}


_FACE = ("timestamp", "frame", "face_id", "track_id")
UNIT_COLUMNS = (*_FACE, "unit", "score", "active", "description", "intensity")


def unit_rows(analysis: Analysis) -> Iterator[dict[str, Any]]:
    """Yield a row per action unit of every face that has them; frames count as in frames.csv."""
    for row in analysis.frames.rows():
        if row["face_id"] >= 0:
            face = {name: row[name] for name in _FACE} | {"frame": row["frame"] + 1}
            for unit, told in document.units(row, analysis.about["unit_thresholds"]):
                yield {**face, "unit": unit, **told, "active": int(told["active"])}


def voice_rows(voice: Voice) -> Iterator[dict[str, Any]]:
    """Yield a row per frame of what the voice says; frames count as in frames.csv."""
    for row in voice.at_frames():
        said = {name: row[name] for name in document.affect_columns(voice.emotions)}
        yield {"timestamp": row["timestamp_s"], "frame": row["frame"] + 1, **said}


def moments(voice: Voice) -> Iterator[dict[str, Any]]:
    """Yield each segment that was read as a moment of a timeline, which `timelines.read` reads."""
    for row in voice.spoken():
        if row["success"] and row["emotion"] is not None:
            yield {
                "timestamp": row["start_s"],
                "end": row["end_s"],
                "accuracy": row["confidence"],
                "emotion": row["emotion"],
                "sentiment": row["sentiment"],
                "probabilities": {name: row[f"p_{name}"] for name in voice.emotions},
                "speaker": row["speaker"],
            }


def summary_lines(analysis: Analysis) -> list[str]:
    """Return the analysis in words, a line each."""
    found = analysis.summary
    models = ", ".join(analysis.about["models"])
    lines = [f"{analysis.name}: {analysis.state}{_of(analysis.reason)}"]
    heard = [] if analysis.voice is None else [_voice(analysis.voice)]
    if not found["frames"]:
        return lines + heard
    measured = "".join(f", {name}" for name in analysis.about["signals"])
    lines.append(f"read by {analysis.about['detector']} and {models}{measured}")
    lines.append(
        f"{_frames(found['frames'])} over {found['duration_s']:.2f} s; a face was read in "
        f"{found['frames_with_a_face']} ({found['coverage']:.1%}), a reliable one in "
        f"{found['reliable']:.1%}"
    )
    if found["people"] != [] and analysis.about["identities"] == people.JOINED:
        counts = {"tracks": len(found["faces"]), "people": len(found["people"])}
        lines.append(", ".join(f"{name}: {count}" for name, count in counts.items()))
    for face in found["people"]:
        shares = ", ".join(f"{name} {share:.0%}" for name, share in face["emotions"].items())
        mean = face["mean_confidence"]
        lines.append(
            f"{summary.name_of(face['identity'], face['person'])}: {_frames(face['frames'])} from "
            f"{face['first_s']:.2f} to {face['last_s']:.2f} s: {shares}"
            f"{'' if mean is None else f' (mean probability {mean:.2f})'}"
            f"{_blinks(face)}{_talks(face)}"
        )
    if analysis.rule:
        lines.append(f"episodes by the rule {analysis.rule}: {len(analysis.episodes)}")
    return lines + heard


def _voice(voice: Voice) -> str:
    """Return what was heard in a line."""
    line = f"voice, heard by {voice.segmenter} and {voice.model}: "
    seconds, shares = voice.shares()
    if not seconds:
        return f"{line}{voice.state}{_of(voice.reason)}"
    count = len(voice.spoken())
    told = ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
    people = len({row["speaker"] for row in voice.spoken()} - {None})
    speakers = f" by {people} speaker{'s' * (people != 1)}" if people else ""
    return (
        f"{line}{count} segment{'s' * (count != 1)}{speakers}, {seconds:.2f} s of speech: {told}"
        f"{_of(voice.reason)}"
    )


def _frames(count: int) -> str:
    return f"{count} frame{'s' * (count != 1)}"


def _blinks(face: Mapping[str, Any]) -> str:
    rate = face["blinks_per_minute"]
    return "" if rate is None else f", {rate:.1f} blinks a minute"


def _talks(face: Mapping[str, Any]) -> str:
    share = face.get("talking")
    return "" if share is None else f", mouth moves as in speech in {share:.0%}"


def _of(reason: str) -> str:
    return f" ({reason})" if reason else ""


def folders_of(paths: Sequence[Path], out: Path) -> dict[Path, Path]:
    """Return the folder of each file: its stem, with a part of a hash where that is not free.

    It is not where another file of this call has the stem, where the folder is another file's, even
    if its analysis never finished, and where it holds things that no analysis has written.
    """
    found = {}
    stems = [path.stem for path in paths]
    for path in paths:
        folder = out / path.stem
        if stems.count(path.stem) > 1 or not _is_free(folder, path):
            part = hashlib.sha256(_source(path).encode()).hexdigest()[:8]
            folder = out / f"{path.stem}-{part}"
        found[path] = folder
    return found


def _is_free(folder: Path, path: Path) -> bool:
    made_of = _noted(folder / _SOURCE).get("analysis_of")
    if made_of is None:
        return not (folder.is_dir() and any(folder.iterdir()))
    return bool(made_of == _source(path))


def is_result(folder: Path) -> bool:
    """Return whether a folder was made by an analysis."""
    return "analysis_of" in _noted(folder / _SOURCE)


def fingerprint(kind: str, name: str) -> str:
    """Return a hash of all that a header or card says of a plug-in, its weights' hashes included.

    Raises RegistryError for an unknown name or a wrong card.
    """
    return fingerprint_of(registry.get(kind, name))


def fingerprint_of(plugin: Plugin) -> str:
    """Return the hash that `fingerprint` returns, of a plug-in."""
    said = json.dumps(vars(plugin.job()), sort_keys=True, default=str)
    return hashlib.sha256(said.encode()).hexdigest()


def is_done(path: Path, folder: Path, settings: Mapping[str, Any]) -> bool:
    """Return whether a folder has the files of this source, unchanged, made by these settings."""
    return _noted(folder / _DONE) == _stamp(path, settings)


def begin(path: Path, folder: Path) -> None:
    """Make a folder, and note whose it is. Raises OSError where that cannot be."""
    folder.mkdir(parents=True, exist_ok=True)
    files.clear_leftovers(folder)
    files.write_json(folder / _SOURCE, {"analysis_of": _source(path)})


def finish(path: Path, folder: Path, settings: Mapping[str, Any]) -> None:
    """Note that a folder's files are complete."""
    files.write_json(folder / _DONE, _stamp(path, settings))


def _source(path: Path) -> str:
    return str(path.resolve())


def _stamp(path: Path, settings: Mapping[str, Any]) -> dict[str, Any]:
    about = path.stat()
    return {
        "source": _source(path),
        "size": about.st_size,
        "modified_ns": about.st_mtime_ns,
        "settings": dict(settings),
    }


def _noted(note: Path) -> dict[str, Any]:
    """Return what a note says, nothing where there is none or it is damaged."""
    try:
        found = files.read_json(note)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
