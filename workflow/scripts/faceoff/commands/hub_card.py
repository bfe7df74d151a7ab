"""Write the card of a classifier at Hugging Face: its commit, and a hash of every file."""

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

import requests
import yaml

from faceoff import emotions
from faceoff.plugins.model_cards import HUB_FILES, read_card
from faceoff.storage import files

_TIMEOUT_S = 30.0
_LARGEST = 5_000_000  # bytes of a file that is hashed here; the Hub gives the hash of larger ones


def write(reference: str, output: Path) -> None:
    """Write the card of `hf:owner/name` as its main branch is now.

    HF_ENDPOINT names another address than https://huggingface.co. Raises ValueError naming what
    the model lacks, or that the network does not answer.
    """
    repository = reference.removeprefix("hf:")
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        raise ValueError(f"{reference!r}: expected hf:owner/name")
    about = json.loads(_get(f"api/models/{repository}?blobs=true"))
    there = {item["rfilename"]: item for item in about.get("siblings", ())}
    absent = [name for name in HUB_FILES.values() if name not in there]
    if absent:
        raise ValueError(
            f"hf:{repository} lacks {', '.join(absent)}: a card needs a classifier of pictures or "
            "sound of transformers with one safetensors file; convert it, or ask its authors"
        )
    small: dict[str, bytes] = {}
    hashes = {}
    for name in HUB_FILES.values():
        stored = there[name].get("lfs") or {}
        if "sha256" not in stored:
            small[name] = _get(f"{repository}/resolve/{about['sha']}/{name}")
        hashes[name] = stored.get("sha256") or hashlib.sha256(small[name]).hexdigest()
    sound = about.get("pipeline_tag") == "audio-classification"
    labels = _labels(small.get("config.json"))
    licence = (about.get("cardData") or {}).get("license")
    card = {
        "name": re.sub(r"[^a-z0-9_-]", "_", repository.split("/")[1].lower()),
        "file": f"hf:{repository}",
        "revision": about["sha"],
        "sha256": hashes,
        "runtime": "transformers_speech" if sound else "transformers",
        "licence": str(licence or "none stated"),
        "source": f"https://huggingface.co/{repository}",
    }
    text = yaml.safe_dump(card, sort_keys=False, allow_unicode=True)
    if labels and not all(map(_is_emotion, labels)):
        text += (
            f"# config.json names its classes {', '.join(labels)}: write the emotions in this "
            "order\n# emotions: []\n"
        )
    text += "# lineage, training_data, published: see docs/extend.md\n"
    files.write_text(output, text)
    read_card(output)


def _get(path: str) -> bytes:
    """Return the Hub's answer. Raises ValueError in one line."""
    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
    try:
        answer = requests.get(f"{endpoint}/{path}", timeout=_TIMEOUT_S, stream=True)
    except requests.RequestException as error:
        raise ValueError(
            f"{endpoint} does not answer ({type(error).__name__}): call this where the network "
            "is, and copy the card"
        ) from None
    with answer:
        if answer.status_code != 200:
            raise ValueError(
                f"{endpoint}/{path}: {answer.status_code} {answer.reason}: there is no public "
                "model of this name"
            )
        body: bytes = answer.raw.read(_LARGEST + 1, decode_content=True)
    if len(body) > _LARGEST:
        raise ValueError(f"{endpoint}/{path}: larger than {_LARGEST:,} bytes, which is no text")
    return body


def _labels(config: bytes | None) -> list[str]:
    """Return the names of the classes in the order of the outputs; none where they are unknown."""
    try:
        found: Any = json.loads(config or b"{}")["id2label"]
        return [str(found[str(number)]) for number in range(len(found))]
    except (KeyError, TypeError, ValueError):
        return []


def _is_emotion(label: str) -> bool:
    try:
        emotions.canonical(label)
    except ValueError:
        return False
    return True
