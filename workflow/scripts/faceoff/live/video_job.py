"""Read a video in a process of its own, so that it can be ended at any time."""

import signal
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from faceoff import progress
from faceoff.analysis.batch import end_with_parent
from faceoff.analysis.result import Analysis
from faceoff.storage import files

RESULT = "result.json"


def told(found: Analysis, as_document: bool) -> dict[str, Any]:
    """Return what a client is told of an analysis: its rows, or the whole document."""
    said = {"state": found.state, "reason": found.reason or None}
    if as_document:
        return {**said, "document": found.to_json()}
    return {**said, "rows": found.frames.to_pylist()}


class _Told:
    """Send progress to the server; it has the form of a queue, as `progress` asks for."""

    def __init__(self, connection: Connection):
        self._connection, self._before = connection, 0
        self._last = 0

    def put(self, work: progress.Work) -> None:
        """Send how far all pipelines are."""
        self._last = work.done
        self._connection.send({**asdict(work), "done": self._before + work.done})

    def next(self) -> None:
        """Count from here for the next pipeline."""
        self._before += self._last


def read(
    video: Path,
    pairs: Sequence[tuple[str, str]],
    options: Mapping[str, Any],
    as_document: bool,
    connection: Connection,
) -> None:
    """Read a video by pairs of detector and model, and write RESULT beside it.

    options: of `Analyzer`, beside these. The connection gets the progress, and what fails: a word
    instead of a traceback.
    """
    from faceoff.analysis.analyzer import Analyzer
    from faceoff.analysis.loading import Networks

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which ends this
    threading.Thread(target=end_with_parent, daemon=True).start()
    sent = _Told(connection)
    progress.draw_elsewhere(sent)
    try:
        networks = Networks(options["device"])
        result = {}
        for detector, model in pairs:
            analyzer = Analyzer(detector, [model], networks=networks, **options)
            result[f"{detector}/{model}"] = told(analyzer.analyze(video), as_document)
            sent.next()
        lost = {said["reason"] for said in result.values() if said["state"] == "unreadable"}
        if lost:
            connection.send({"failed": f"not readable: {lost.pop()}"})
            raise SystemExit(1)
        files.write_json(video.parent / RESULT, result)
    except Exception as error:
        connection.send({"failed": f"{type(error).__name__}: {error}".splitlines()[0]})
        raise SystemExit(1) from None
