"""Speak one sentence by libespeak-ng: its sound, and when each phoneme begins.

    python espeak.py < request.json

Run as a script, in a process of its own for every sentence: the library keeps the state of its
noise from one sentence to the next, so that only the first of a process has the same bytes each
time. A request is {"voice": the name of a voice, "ssml": what to say}. The answer is a line of
JSON, {"rate": Hz, "phonemes": [[name, sample], …]}, and then the sound, mono, 16 bit.
"""

import ctypes
import ctypes.util
import json
import os
import shutil
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

# speak_lib.h of espeak-ng 1.50 to 1.52
_RETRIEVAL = 1  # AUDIO_OUTPUT_RETRIEVAL: the sound goes to the callback alone
_PHONEME_EVENTS, _DONT_EXIT = 0x0001, 0x8000
_UTF8, _SSML = 1, 0x10
_END, _PHONEME = 0, 7  # types of events


class _Id(ctypes.Union):
    _fields_ = (
        ("number", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("string", ctypes.c_char * 8),
    )


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


def _places() -> Iterator[str]:
    """Yield what the library may be called: by the system, in this environment, by its program."""
    yield from ("libespeak-ng.so.1", "libespeak-ng.dylib")
    folders = [Path(sys.prefix) / "lib"]
    if program := shutil.which("espeak-ng"):
        folders.append(Path(os.path.realpath(program)).parents[1] / "lib")
    for folder in folders:
        yield from map(str, sorted(folder.glob("libespeak-ng.*")))
    if found := ctypes.util.find_library("espeak-ng"):  # slow: it asks ldconfig and compilers
        yield found


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL | None:
    for place in _places():
        try:
            library = ctypes.CDLL(place)
            library.espeak_Info.restype = ctypes.c_char_p
        except (OSError, AttributeError):
            continue
        return library
    return None


def version() -> str | None:
    """Return the version of espeak-ng that is installed, such as 1.51; None without it."""
    library = _library()
    return None if library is None else library.espeak_Info(None).decode().split()[0]


def _speak(voice: str, ssml: str) -> tuple[int, list[tuple[str, int]], bytes]:
    """Return (Hz, (phoneme, sample at which it begins) in order, the sound as 16 bit)."""
    library = _library()
    if library is None:
        raise OSError("libespeak-ng is not there")
    parts: list[bytes] = []
    phonemes: list[tuple[str, int]] = []

    def take(sound: Any, count: int, events: Any) -> int:
        if sound and count:
            parts.append(ctypes.string_at(sound, 2 * count))
        index = 0
        while events[index].type != _END:
            event = events[index]
            if event.type == _PHONEME:
                phonemes.append((event.id.string.decode("utf-8", "replace"), event.sample))
            index += 1
        return 0

    kept = _Callback(take)  # the library calls it as long as it speaks
    rate = library.espeak_Initialize(_RETRIEVAL, 0, None, _PHONEME_EVENTS | _DONT_EXIT)
    if rate <= 0:
        raise OSError("libespeak-ng does not start: are its data (espeak-ng-data) there?")
    library.espeak_SetSynthCallback(kept)
    if library.espeak_SetVoiceByName(voice.encode()):
        raise OSError(f"espeak-ng {version()} has no voice {voice}")
    text = ssml.encode()
    size = ctypes.c_size_t(len(text) + 1)
    if library.espeak_Synth(text, size, 0, 1, 0, _UTF8 | _SSML, None, None):
        raise OSError("libespeak-ng cannot speak")
    library.espeak_Synchronize()
    return rate, phonemes, b"".join(parts)


if __name__ == "__main__":
    request = json.load(sys.stdin)
    try:
        rate_hz, begins, sound = _speak(request["voice"], request["ssml"])
    except OSError as error:
        sys.exit(str(error))
    answer = json.dumps({"rate": rate_hz, "phonemes": begins})
    sys.stdout.buffer.write(answer.encode() + b"\n" + sound)
