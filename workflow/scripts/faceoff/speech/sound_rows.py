"""Turn the sound of a clip into the rows of the table of sounds."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from faceoff.media.images import DecodeError
from faceoff.media.sound import RATE, Sound, sounds
from faceoff.plugins.protocols import Utterance
from faceoff.storage import columns


def sound_rows(
    sample_id: str, kind: str, file: Callable[[], Path], said: Sequence[Utterance] | None = None
) -> Iterator[dict[str, Any]]:
    """Yield a row for each part of a clip's sound; where a later part is lost, the earlier stay.

    A clip without sound has one row `unreadable` with the reason.

    kind: image, video or audio; file: gives the path and may raise OSError; said: the utterances
    that the dataset knows, None where it knows none.
    """
    part, name = 0, f"{sample_id}.wav"
    about: dict[str, Any] = {"sample_id": sample_id}
    try:
        if kind not in {"video", "audio"}:
            raise DecodeError("pictures have no sound")
        for sound in sounds(file()):
            yield about | {
                "part": part,
                "state": columns.OK,
                "reason": sound.note,
                "start_s": sound.start_s,
                "duration_s": sound.duration_s,
                "sampling_rate": RATE,
                "audio": {"bytes": sound.wav, "path": name},
                **_said_in(sound, said),
            }
            part += 1
    except (DecodeError, OSError) as error:
        reason = (
            f"cannot read: {error.strerror or error}" if isinstance(error, OSError) else str(error)
        )
        missing = {"part": part, "state": columns.UNREADABLE, "reason": reason}
        yield about | missing | {"audio": {"bytes": None, "path": name}}


def _said_in(sound: Sound, said: Sequence[Utterance] | None) -> dict[str, Any]:
    """Return the utterances that a part of a clip's sound holds, or begins to hold."""
    if said is None:
        return {}
    end_s = sound.start_s + sound.duration_s
    heard = [each for each in said if each.start_s < end_s and each.end_s > sound.start_s]
    return {
        "starts_s": [each.start_s for each in heard],
        "ends_s": [each.end_s for each in heard],
        "speakers": [each.speaker for each in heard],
        "voice_emotions": [each.emotion for each in heard],
    }
