"""facetorch's plug-ins agree with facetorch's own FacePredictor on the same crops.

Hydra builds it from its published configuration. The real files are not here: the expression
networks are timm's EfficientNets with seeded weights, traced as facetorch's are; valence and
arousal and action units come from small traced networks with as many outputs (the real ones are an
AlexNet and a Swin transformer).
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import synthetic_files
import synthetic_weights
import torch

from faceoff.assets import fetch
from faceoff.assets.asset import AssetError, hash_of
from faceoff.emotions import EMOTIONS
from faceoff.inference import hardware
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import load_plugin
from faceoff.inference.runtimes import softmax
from faceoff.inference.torch_devices import autocast, prepare_torchvision
from faceoff.models import facetorch
from faceoff.plugins import registry

pytestmark = pytest.mark.skipif(
    not all(find_spec(name) for name in ("facetorch", "timm")),
    reason="facetorch or timm is not installed",
)

# facetorch 0.6: conf/analyzer/predictor/fer/efficientnet_b0_7.yaml, …/efficientnet_b2_8.yaml,
# va/elim_al_alexnet.yaml (the same but for these).
PUBLISHED = {
    "facetorch_b0": (
        244,
        ["Anger", "Disgust", "Fear", "Happiness", "Neutral", "Sadness", "Surprise"],
    ),
    "facetorch_b2": (
        260,
        ["Anger", "Contempt", "Disgust", "Fear", "Happiness", "Neutral", "Sadness", "Surprise"],
    ),
}
ARCHITECTURE = {"facetorch_b0": "tf_efficientnet_b0", "facetorch_b2": "tf_efficientnet_b2"}


def configuration(
    path: Path, side: int, labels: list[str], post: str, **more: Any
) -> dict[str, Any]:
    """Return a predictor's configuration as facetorch's YAML has it."""
    device = {"_target_": "torch.device", "type": "cpu"}
    return {
        "_target_": "facetorch.analyzer.predictor.FacePredictor",
        "downloader": {
            "_target_": "facetorch.downloader.DownloaderGDrive",
            "file_id": "x",
            "path_local": str(path),
        },
        "device": device,
        "preprocessor": {
            "_target_": "facetorch.analyzer.predictor.pre.PredictorPreProcessor",
            "transform": {
                "_target_": "torchvision.transforms.Compose",
                "transforms": [
                    {
                        "_target_": "torchvision.transforms.Resize",
                        "size": [side, side],
                        "antialias": True,
                    },
                    {
                        "_target_": "torchvision.transforms.Normalize",
                        "mean": [0.485, 0.456, 0.406],
                        "std": [0.229, 0.224, 0.225],
                    },
                ],
            },
            "device": device,
            "optimize_transform": True,
            "reverse_colors": False,
        },
        "postprocessor": {
            "_target_": f"facetorch.analyzer.predictor.post.{post}",
            "transform": "None",
            "device": device,
            "optimize_transform": True,
            "labels": labels,
            **more,
        },
    }


def judged(config: dict[str, Any], crops: np.ndarray) -> list[Any]:
    """Return facetorch's own predictions for these crops, one by one."""
    from hydra.utils import instantiate

    predictor = instantiate(config)
    return [
        predictor.run(torch.from_numpy(crop).permute(2, 0, 1)[None].float() / 255)[0]
        for crop in crops
    ]


def loaded(name: str, **files: Path) -> Any:
    job = registry.get("model", name).job()
    options = {
        role: {"path": str(path), "sha256": hash_of(path, "sha256")} for role, path in files.items()
    }
    return load_plugin(job.with_options(options), Clock())


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    prepare_torchvision()  # timm and facetorch import torchvision
    import timm

    folder = tmp_path_factory.mktemp("facetorch")
    made = {}
    for name, architecture in ARCHITECTURE.items():
        side, labels = PUBLISHED[name]
        made[name] = synthetic_files.traced(
            timm.create_model(architecture, num_classes=len(labels)), side, folder / f"{name}.pt"
        )
    made["va"] = synthetic_files.traced(synthetic_files.small(2), 224, folder / "va.pt")
    made["au"] = synthetic_files.traced(
        synthetic_files.small(41, squashed=True), 224, folder / "au.pt"
    )
    return made


@pytest.fixture(autouse=True)
def small_unit_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the stand-in for OpenGraphAU as the traced network that it is."""
    monkeypatch.setitem(facetorch.PREDICTORS["au"], "native", None)


def crops(side: int, count: int = 2) -> np.ndarray:
    return np.stack([synthetic_weights.picture(side, seed) for seed in range(5, 5 + count)])


@pytest.mark.parametrize("name", PUBLISHED)
def test_expressions_are_facetorchs(name: str, files: dict[str, Path]) -> None:
    side, labels = PUBLISHED[name]
    model = loaded(name, fer=files[name])
    assert model.crop.size == (side, side)
    expected = judged(configuration(files[name], side, labels, "PostArgMax", dim=1), crops(side))
    found = model.predict(crops(side))
    assert found.posterior == pytest.approx(
        softmax(np.stack([prediction.logits.numpy() for prediction in expected])), abs=1e-4
    )
    winners = [model.emotions[index] for index in found.posterior.argmax(axis=1)]
    assert winners == [prediction.label.lower() for prediction in expected]
    assert (found.valence, found.aus) == (None, {})
    assert np.ptp(found.posterior) > 0.01


def test_valence_and_arousal_are_facetorchs(files: dict[str, Path]) -> None:
    model = loaded("facetorch_b0", fer=files["facetorch_b0"], va=files["va"])
    found = model.predict(crops(244))
    expected = judged(
        configuration(
            files["va"], 224, ["valence", "arousal"], "PostLabelConfidencePairs", offsets=[0, 0]
        ),
        crops(244),
    )
    assert found.valence == pytest.approx(
        [np.clip(prediction.other["valence"], -1, 1) for prediction in expected], abs=1e-4
    )
    assert found.arousal == pytest.approx(
        [np.clip(prediction.other["arousal"], -1, 1) for prediction in expected], abs=1e-4
    )


def test_units_are_facetorchs(files: dict[str, Path]) -> None:
    labels = facetorch.PREDICTORS["au"]["labels"]
    model = loaded("facetorch_au", au=files["au"])
    expected = judged(
        configuration(files["au"], 224, labels, "PostMultiLabel", dim=1, threshold=0.5), crops(224)
    )
    found = model.predict(crops(224))
    for unit, label in {
        "AU01": "inner_brow_raiser",
        "AU12": "lip_corner_puller",
        "AU26": "jaw_drop",
        "AU39": "nostril_compressor",
    }.items():
        assert found.aus[unit] == pytest.approx(
            [5 * float(prediction.logits[labels.index(label)]) for prediction in expected], abs=1e-4
        )
    left, right = (
        np.array(
            [float(prediction.logits[labels.index(f"{side}_dimpler")]) for prediction in expected]
        )
        for side in ("left", "right")
    )
    assert found.aus["AU14R"] == pytest.approx(5 * np.maximum(left - right, 0), abs=1e-4), (
        "the subject's left is the viewer's right"
    )
    assert found.aus["AU14L"] == pytest.approx(5 * np.maximum(right - left, 0), abs=1e-4)
    assert model.emotions == EMOTIONS, "one-sided dimples make contempt evaluable"
    assert set(found.aus) == set(model.aus) == set(facetorch.UNITS)
    assert len(labels) == 41


def test_all_predictors_beside_one_another(files: dict[str, Path]) -> None:
    model = loaded("facetorch_b0", fer=files["facetorch_b0"], va=files["va"], au=files["au"])
    found = model.predict(crops(244, 3))
    assert set(found.aus) == set(model.aus)
    assert found.valence.shape == (3,)
    alone = model.predict(crops(244, 3)[2:])
    assert np.array_equal(alone.posterior, found.posterior[2:])
    assert np.array_equal(alone.aus["AU12"], found.aus["AU12"][2:])
    assert model.predict(crops(244)[:0]).posterior.shape == (0, 7)


def test_reduced_precision(files: dict[str, Path]) -> None:
    """facetorch makes arrays of what its networks give, and no array is bfloat16."""
    model = loaded("facetorch_b0", fer=files["facetorch_b0"], va=files["va"], au=files["au"])
    full = model.predict(crops(244))
    hardware.set_hardware(hardware.Hardware(precision="bfloat16"))
    try:
        with autocast():
            reduced = model.predict(crops(244))
    finally:
        hardware.set_hardware(hardware.Hardware())
    for a, b in (
        (full.posterior, reduced.posterior),
        (full.valence, reduced.valence),
        (full.aus["AU12"], reduced.aus["AU12"]),
    ):
        assert 0 < np.abs(a - b).max() < 0.05


def test_labels_are_units_in_facs_order() -> None:
    """The 27 of OpenGraphAU, by FACS's names."""
    names = dict(zip(facetorch.UNITS, facetorch.PREDICTORS["au"]["labels"], strict=False))
    assert names["AU04"] == "brow_lowerer"
    assert names["AU06"] == "cheek_raiser"
    assert names["AU09"] == "nose_wrinkler"
    assert names["AU15"] == "lip_corner_depressor"
    assert names["AU16"] == "lower_lip_depressor"
    assert names["AU17"] == "chin_raiser"
    assert names["AU20"] == "lip_stretcher"
    assert names["AU23"] == "lip_tightener"
    assert names["AU24"] == "lip_pressor"
    assert names["AU27"] == "mouth_stretch"


# -- files -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["facetorch_b0", "facetorch_b2", "facetorch_au"])
def test_without_a_file_it_says_what_to_give(name: str) -> None:
    with pytest.raises(
        AssetError,
        match=r"has no published hash: give it as option `(fer|au): \{path: …, sha256: …\}`",
    ):
        load_plugin(registry.get("model", name).job(), Clock())


def test_a_wrong_hash_is_refused_before_it_is_opened(
    files: dict[str, Path], tmp_path: Path
) -> None:
    options = {"fer": {"path": str(files["facetorch_b0"]), "sha256": "0" * 64}}
    with pytest.raises(AssetError, match="sha256 is"):
        fetch.option(options, "fer")
    with pytest.raises(AssetError, match="is not there"):
        fetch.option({"fer": {"path": str(tmp_path / "none.pt"), "sha256": "0" * 64}}, "fer")
    with pytest.raises(AssetError, match="expected"):
        fetch.option({"fer": str(files["facetorch_b0"])}, "fer")


def test_a_network_of_other_outputs_is_named(files: dict[str, Path]) -> None:
    with pytest.raises(ValueError, match="has 2 outputs, facetorch's configuration names 7 labels"):
        loaded("facetorch_b0", fer=files["va"]).predict(crops(244))


def test_a_file_that_is_no_torchscript(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(b"PK\x03\x04 not a network")
    with pytest.raises(RuntimeError):
        loaded("facetorch_b0", fer=path)
