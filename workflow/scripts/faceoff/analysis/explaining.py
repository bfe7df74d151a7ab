"""Explain what models say of the faces of one's own pictures, without a configuration."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.analysis import loading
from faceoff.analysis.pictures import Pictures
from faceoff.emotions import EMOTIONS, canonical
from faceoff.faces import detection_view, face_crops
from faceoff.faces.choice import SIDES
from faceoff.faces.detection_view import View
from faceoff.inference.clock import Clock
from faceoff.inference.hardware import check_device
from faceoff.inference.plugin_job import asset_files
from faceoff.inference.randomised import NoWeightsError, untrained
from faceoff.media.frame_rate import Sampling
from faceoff.plugins.jobs import CropJob
from faceoff.plugins.plugin import not_installed
from faceoff.plugins.protocols import RGB, CropSpec, EmotionModel
from faceoff.saliency import method_list
from faceoff.saliency.explanation import Explanation, NotExplainedError, explain
from faceoff.saliency.maps import CONTROLS
from faceoff.spelling import suggestion
from faceoff.storage import columns, files

SHOWN = 240  # pixels of the sides of a face in the picture that is written


@dataclass(frozen=True)
class Explained:
    """A model's answer about a face, with its explanation, or why there is none.

    face: number of the face in its picture, best first; box: x, y, w, h in pixels of the picture;
    shown: the face as a person sees it, (SHOWN, SHOWN, 3).
    """

    face: int
    box: tuple[float, ...] | None
    model: str
    method: str
    shown: RGB | None
    found: Explanation | None
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return all but the pictures; curves are lists over shares from 0 to 1."""
        told: dict[str, Any] = {
            "face": self.face, "box": self.box, "model": self.model, "method": self.method,
            "state": columns.OK if self.found else columns.ERROR, "reason": self.reason,
        }  # fmt: skip
        if self.found is None:
            return told
        curves = {
            name: {kind: curve.tolist() for kind, curve in of_map.items()}
            for name, of_map in self.found.curves.items()
        }
        return told | {
            "emotion": self.found.emotion, "probability": self.found.probability,
            "areas": self.found.areas, "sanity": self.found.sanity, "curves": curves,
            "map": self.found.heat.round(6).tolist(),
        }  # fmt: skip


class Explainer:
    """Explain pictures with networks that stay loaded.

    Parameters
    ----------
    detector, models, device
        As of `analyzer.Analyzer`.
    methods
        Names of `saliency.method_list.METHODS`.
    emotion
        The class that is explained; None: of each face the one that the model chooses.
    layer
        The convolution that Grad-CAM looks at; None: the last one.
    sanity
        Whether the map of shuffled weights is made and compared, too.
    seed
        Of random masks, of the random control and of shuffled weights.

    Raises
    ------
    ValueError
        For an unknown name, or one that cannot run here.
    AssetError
        For missing weights.
    """

    def __init__(
        self,
        detector: str,
        models: Sequence[str],
        methods: Sequence[str],
        *,
        emotion: str | None = None,
        layer: str | None = None,
        sanity: bool = False,
        device: str = "auto",
        seed: int = 0,
    ):
        check_device(device)
        self.methods = [method_list.get(name).name for name in dict.fromkeys(methods)]
        self.emotion = None if emotion is None else _emotion(emotion)
        self.layer, self.seed = layer, seed
        self._clock = Clock()
        found = loading.runnable("detector", detector)
        self._card = found.job().card
        self._detector = loading.detector(found, device, self._clock)
        self._crop = CropJob(
            policy="all",
            whole_frame=bool(self._card.get("whole_frame")),
            calibration=self._card.get("calibration"),
        )
        self._models: dict[str, EmotionModel] = {}
        self._untrained: dict[str, EmotionModel | None] = {}
        for name in dict.fromkeys(models):
            plugin = loading.runnable("model", name)
            self._models[name] = loading.model(plugin, device, self._clock)
            self._untrained[name] = None
            if not sanity:
                continue
            again = partial(loading.model, plugin, device, self._clock)
            try:
                self._untrained[name] = untrained(again, asset_files(plugin.job()), seed)
            except NoWeightsError as error:
                raise NoWeightsError(f"model {name}: {error}") from None

    def explain(self, source: Path | RGB) -> Iterator[Explained]:
        """Yield what each model and method says of each face of a picture.

        Raises ValueError for a file that is no still picture, cannot be read, or shows no face.
        """
        pictures = Pictures(source, Sampling(0.0, 1, once=True))
        rows = list(zip(range(2), pictures.rows(), strict=False))
        if pictures.lost or not rows:
            raise ValueError(f"{pictures.name}: {pictures.lost or 'no picture'}")
        if len(rows) > 1:
            raise ValueError(f"{pictures.name}: a clip; explain reads still pictures: give a frame")
        frame = rows[0][1]
        found = detection_view.detect(
            self._detector, [View.of(frame["pixels"], 1, 0.0)], self._clock
        )[0]
        faces = [
            {"landmarks": None, **row} for row in detection_view.face_rows(frame, found, self._card)
        ]
        if not faces[0]["success"]:
            raise ValueError(f"{pictures.name}: {faces[0]['reason']}")
        for name, model in self._models.items():
            yield from self._of_model(frame, faces, name, model)

    def _of_model(
        self, frame: Mapping[str, Any], faces: list[dict[str, Any]], name: str, model: EmotionModel
    ) -> Iterator[Explained]:
        spec = face_crops.crop_spec(model, self._crop)
        seen = replace(
            spec, size=(SHOWN, SHOWN), channels=3, interpolation=None, library="opencv",
            antialias=False, resample=None,
        )  # fmt: skip
        for number, (face, crop) in enumerate(self._crops(frame, faces, spec)):
            box = None if face.get("x") is None else tuple(float(face[side]) for side in SIDES)
            for method in self.methods:
                about = (number, box, name, method)
                if crop is None:
                    yield Explained(*about, None, None, face["reason"])
                    continue
                shown = self._crops(frame, [face], seen)[0][1]
                try:
                    found = explain(
                        model, crop, method, emotion=self.emotion, seed=self.seed,
                        layer=self.layer, untrained=self._untrained[name],
                    )  # fmt: skip
                except NotExplainedError as error:
                    yield Explained(*about, shown, None, str(error))
                else:
                    yield Explained(*about, shown, found)

    def _crops(
        self, frame: Mapping[str, Any], faces: list[dict[str, Any]], spec: CropSpec
    ) -> list[tuple[dict[str, Any], np.ndarray | None]]:
        return face_crops.face_crops(frame, faces, spec, self._crop, frame["pixels"])


def _emotion(name: str) -> str:
    """Return the canonical name of an emotion. Raises ValueError with the nearest one."""
    try:
        return canonical(name)
    except ValueError:
        raise ValueError(f"no emotion {name!r}{suggestion(name, EMOTIONS)}") from None


def check_methods(methods: Sequence[str]) -> None:
    """Raise ValueError for an unknown method, or one whose packages are not installed."""
    for name in methods:
        method = method_list.get(name)
        if missing := not_installed(method.modules):
            raise ValueError(
                f"method {name}: python package {missing[0]!r} is not installed: `pip install "
                "'faceoff[saliency]'`, or `make full`"
            )


def line(explained: Explained) -> str:
    """Return an explanation in a line."""
    about = f"face {explained.face}, {explained.model}, {explained.method}"
    found = explained.found
    if found is None:
        return f"{about}: not explained: {explained.reason}"
    areas = found.areas
    controls = ", ".join(
        f"{name} {areas[name]['deletion']:.3f} / {areas[name]['insertion']:.3f}"
        for name in CONTROLS
    )
    check = "" if found.sanity is None else f"; shuffled weights: correlation {found.sanity:.2f}"
    return (
        f"{about}: {found.emotion} {100 * found.probability:.0f} %; deletion / insertion AUC "
        f"{areas['map']['deletion']:.3f} / {areas['map']['insertion']:.3f} ({controls}){check}"
    )


def write(found: Sequence[Explained], folder: Path, about: Mapping[str, Any]) -> None:
    """Write explanation.json and a picture of each explanation, face0_MODEL_METHOD.png."""
    from faceoff.figures import canvas, face_maps

    entries = []
    for explained in found:
        entry = explained.to_json()
        if explained.found is not None and explained.shown is not None:
            model = Path(explained.model).stem
            stem = folder / f"face{explained.face}_{model}_{explained.method}"
            title = f"{method_list.get(explained.method).title}, {model}"
            figure = face_maps.draw(explained.shown, explained.found, title)
            canvas.save(figure, stem, ["png"])
            entry["picture"] = f"{stem.name}.png"
        entries.append(entry)
    files.write_json(folder / "explanation.json", {**about, "explanations": entries})
