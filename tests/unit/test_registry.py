"""Plug-ins are found and described without being imported; faults name the file and the key."""

import hashlib
import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from faceoff.cli import app
from faceoff.plugins import registry
from faceoff.plugins.model_cards import read_card
from faceoff.plugins.plugin import PACKAGE, RegistryError

HEX = "0" * 64
CARD = {
    "file": "net.onnx",
    "sha256": HEX,
    "runtime": "onnx",
    "input": {"size": [8, 8], "channels": 1},
    "emotions": ["neutral", "happy"],
}


def plugin_file(folder: Path, text: str, name: str = "mine.py") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def card_file(
    folder: Path, change: dict | None = None, drop: str | None = None, name: str = "card1.yaml"
) -> Path:
    card = {key: value for key, value in (CARD | (change or {})).items() if key != drop}
    return plugin_file(folder, yaml.safe_dump(card), name)


def test_what_the_package_brings() -> None:
    assert {"posed", "ferplus", "folder", "table"} <= set(registry.names("dataset"))
    assert {"whole", "mediapipe_short", "mediapipe_full", "haar", "yunet"} <= set(
        registry.names("detector")
    )
    assert {
        "fer",
        "pd_best",
        "geometry",
        "landmarks_lr",
        "deepface",
        "mini_xception",
        "enet_b0_8_best_vgaf",
    } <= set(registry.names("model"))


def test_header_is_read_without_importing(tmp_path: Path) -> None:
    """A plug-in whose framework is not installed, or that raises at import, is still known."""
    plugin_file(
        tmp_path,
        'raise RuntimeError("imported")\nimport no_such_framework\nDETECTORS = {"mine": {"class": '
        '"Mine", "framework": "torch", "licence": "MIT"}}\n',
    )
    found = registry.get("detector", "mine", (tmp_path,))
    assert (found.framework, found.class_name, found.card["licence"]) == ("torch", "Mine", "MIT")
    assert "no_such_framework" not in sys.modules
    with pytest.raises(RuntimeError, match="imported"):
        registry.load(found.source, found.class_name)


def test_listing_imports_no_framework() -> None:
    """Asking for every plug-in in a fresh interpreter loads none of the heavy packages."""
    import subprocess

    code = (
        "import sys; from faceoff.plugins import registry; registry.discover()\n"
        "print(sorted({'cv2', 'mediapipe', 'torch', 'timm', 'h5py', 'tensorflow', 'onnxruntime', "
        "'sklearn', 'numpy'} & set(sys.modules)))"
    )
    environment = {"PYTHONPATH": str(PACKAGE.parent), "PATH": ""}
    assert (
        subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        == "[]"
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('DETECTORS = {"x": dict()}', "must be a literal"),
        ('NAME = 1\nDETECTORS = {NAME: {"class": "X"}}', "must be a literal"),
        ('DETECTORS = {"x": {"framework": "core"}}', "lacks `class`"),
        ('DETECTORS = {"x": {"class": "X", "framework": "onxn"}}', "did you mean 'onnx'"),
        ('DETECTORS = {"x": {"class": "X", "assets": {"w": {"file": "a.onnx"}}}}', "sha256"),
        (
            'DETECTORS = {"x": {"class": "X", "assets": {"w": {"file": "a.onnx", "sha256": "0", '
            '"ulrs": []}}}}',
            "ulrs",
        ),
        (
            'DETECTORS = {"x": {"class": "X", "treshold": 0.5}}',
            "x: unknown key treshold, did you mean 'threshold'?",
        ),
        (
            'MODELS = {"x": {"class": "X", "requirs": {"modules": ["cv2"]}}}',
            "x: unknown key requirs, did you mean 'requires'?",
        ),
        (
            'MODELS = {"x": {"class": "X", "threshold": 0.5}}',
            "x: unknown key threshold; valid: assets, checkpoint, class",
        ),
        (
            'DATASETS = {"x": {"class": "X", "titel": "x"}}',
            "x: unknown key titel, did you mean 'title'?",
        ),
        (
            'DETECTORS = {"x": {"class": "X", "requires": {"module": ["cv2"]}}}',
            "x: unknown key requires.module, did you mean 'modules'?",
        ),
        (
            'DETECTORS = {"x": {"class": "X", "requires": ["cv2"]}}',
            "x: requires: expected keys and values",
        ),
        (
            'DETECTORS = {"x": {"class": "X", "requires": {"modules": "cv2"}}}',
            "x: requires.modules: expected a list of names",
        ),
        (
            'DETECTORS = {"x": {"class": "X", "calibration": {"dx": 0.0, "dz": 0.0}}}',
            "x: unknown key calibration.dz",
        ),
        (
            'DETECTORS = {"x": {"class": "X", "options": ["side"]}}',
            "x: options: expected keys and values",
        ),
        ('DETECTORS = ["x"]', "DETECTORS"),
        ('DETECTORS = {"x": "X"}', "DETECTORS"),
        ("def broken(:\n", "syntax"),
    ],
)
def test_bad_header_names_the_file(tmp_path: Path, text: str, says: str) -> None:
    path = plugin_file(tmp_path, text)
    with pytest.raises(RegistryError) as caught:
        registry.discover((tmp_path,))
    assert str(path) in str(caught.value)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("change", "drop", "says"),
    [
        ({"emotons": []}, None, "unknown key emotons, did you mean 'emotions'"),
        (
            {"input": {"size": [8, 8], "chanels": 1}},
            None,
            "unknown key input.chanels, did you mean 'channels'",
        ),
        ({}, "sha256", "'sha256' is missing"),
        ({}, "emotions", "'emotions' is missing"),
        ({}, "input", "'input' is missing"),
        ({"runtime": "onxn"}, None, "did you mean 'onnx'"),
        ({"activation": "sofmax"}, None, "did you mean 'softmax'"),
        ({"emotions": ["neutral", "hapiness"]}, None, "did you mean 'happiness'"),
        ({"emotions": ["happy", "happiness"]}, None, "twice"),
        ({"input": {"channels": 1}}, None, "size"),
        ({"input": 5}, None, "input"),
        (
            {"input": {"size": [8, 8], "colours": "bgrr"}},
            None,
            "input.colours 'bgrr', did you mean 'bgr'",
        ),
        (
            {"input": {"size": [8, 8], "layout": "nhcw"}},
            None,
            "input.layout 'nhcw', did you mean 'nhwc'",
        ),
        *(
            ({"input": {"size": [8, 8], **given}}, None, f"input.{says}")
            for given, says in (
                ({"interpolation": "bicubic"}, "interpolation 'bicubic', did you mean 'cubic'"),
                ({"interpolation": "linear", "library": "pill"}, "library 'pill', did you mean"),
                ({"aspect": "keep"}, "aspect 'keep'"),
                ({"library": "pillow"}, "interpolation is missing"),
                ({"antialias": True}, "interpolation is missing"),
                ({"interpolation": "linear", "antialias": "yes"}, "antialias 'yes': expected true"),
                ({"interpolation": "linear", "antialias": True}, "antialias true: opencv's linear"),
                (
                    {"interpolation": "cubic", "library": "pillow", "antialias": False},
                    "antialias false: pillow's cubic always averages",
                ),
                ({"interpolation": "lanczos", "library": "torch"}, "interpolation lanczos"),
                ({"interpolation": "linear", "library": "torch"}, "antialias is missing"),
                ({"mean": [123.7, 116.8, 103.9]}, "mean [123.7, 116.8, 103.9] is beyond"),
                ({"std": 58.4}, "std 58.4 is beyond"),
                ({"divisor": 127.5, "mean": 127.5}, "mean 127.5 is beyond"),
                ({"divisor": 1, "mean": [0.485, 0.456, 0.406]}, "mean [0.485, 0.456, 0.406] is"),
                ({"mean": [0.5, 0.5]}, "mean [0.5, 0.5]: expected one number, or one for each of"),
                ({"channels": 1, "std": [0.2, 0.2, 0.2]}, "std [0.2, 0.2, 0.2]: expected one"),
                ({"std": [0.2, 0.0, 0.2]}, "std [0.2, 0.0, 0.2]: expected numbers above 0"),
                ({"divisor": 0}, "divisor 0: expected numbers above 0"),
                ({"divisor": "255"}, "divisor '255': expected a number"),
                ({"mean": [0.5, None, 0.5]}, "mean [0.5, None, 0.5]: expected a number"),
                ({"channels": 4}, "channels 4: expected 1 (luma) or 3"),
                ({"size": [0, 8]}, "size [0, 8]: expected [height, width]"),
                ({"size": 224}, "size 224: expected [height, width]"),
                ({"size": [224, 224, 3]}, "size [224, 224, 3]"),
            )
        ),
        ({"batch": 0}, None, "batch 0: expected a number of pictures"),
        ({"batch": True}, None, "batch True"),
        (
            {"outputs": ["valence", "emotions"]},
            None,
            "expected [emotions] or [emotions, valence, arousal]",
        ),
        ({"outputs": ["emotions", "valence"]}, None, "valence and arousal come together"),
        ({"outputs": "emotions"}, None, "outputs 'emotions'"),
        ({"architecture": "resnet18"}, None, "belongs to runtime timm"),
        ({"runtime": "timm"}, None, "'architecture' (a name in timm)"),
    ],
)
def test_bad_card_names_file_and_key(
    tmp_path: Path, change: dict, drop: str | None, says: str
) -> None:
    path = card_file(tmp_path, change, drop)
    for ask in (
        lambda: read_card(path),
        lambda: registry.get("model", str(path)),
        lambda: registry.discover((tmp_path,)),
    ):
        with pytest.raises(RegistryError) as caught:
            ask()
        assert str(path) in str(caught.value)
        assert says in str(caught.value)


@pytest.mark.parametrize(
    "given",
    [
        {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
        {"divisor": 127.5, "mean": 1.0},
        {"divisor": 1, "mean": [123.7, 116.8, 103.9], "std": [58.4, 57.1, 57.4]},
        {"divisor": 1},
        {"divisor": 1, "std": 255},
        {"channels": 1, "mean": [0.5], "std": 0.5},
        {"interpolation": "area", "antialias": True},
        {"interpolation": "cubic", "library": "pillow", "antialias": True, "aspect": "pad"},
    ],
)
def test_inputs_that_networks_are_trained_with(tmp_path: Path, given: dict) -> None:
    card = read_card(card_file(tmp_path, {"input": {"size": [8, 8], **given}}, None))
    assert {key: card.card["input"][key] for key in given} == given


def test_a_card_whose_crops_are_pytorchs_runs_where_pytorch_is(tmp_path: Path) -> None:
    spec = {"size": [8, 8], "interpolation": "linear", "library": "torch", "antialias": True}
    card = read_card(card_file(tmp_path, {"input": spec}, None))
    assert (card.framework, card.modules) == ("torch", ("onnxruntime", "torch"))
    assert (card.source.name, card.class_name) == ("torch_card.py", "TorchCardModel")
    usual = read_card(card_file(tmp_path, {}, None))
    assert (usual.framework, usual.class_name) == ("onnx", "OnnxCard")


def test_training_data_that_nobody_states_are_unknown_not_none(tmp_path: Path) -> None:
    """A card says so by the word; an empty mapping would mean that nothing was seen."""
    said = read_card(card_file(tmp_path, {"training_data": "unknown"}, None)).card
    assert "training_data" not in said
    assert read_card(card_file(tmp_path, {"training_data": {"a": ["train"]}}, None)).card[
        "training_data"
    ] == {"a": ["train"]}
    for wrong in ("affectnet", ["affectnet"], None):
        with pytest.raises(RegistryError, match=r"training_data .* or unknown where nobody"):
            read_card(card_file(tmp_path, {"training_data": wrong}, None))


@pytest.mark.parametrize("text", ["a: [", "- a\n", ""])
def test_card_that_is_no_mapping(tmp_path: Path, text: str) -> None:
    path = plugin_file(tmp_path, text, "c.yaml")
    with pytest.raises(RegistryError, match=r"c\.yaml"):
        read_card(path)
    with pytest.raises(RegistryError, match=r"absent\.yaml"):
        registry.get("model", str(tmp_path / "absent.yaml"))


def test_card_speaks_canonical_names_and_finds_weights_beside_it(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"x")
    found = read_card(card_file(tmp_path))
    assert found.name == "card1"
    assert found.card["emotions"] == ["neutral", "happiness"]
    assert found.assets["weights"].file == str(tmp_path / "net.onnx")
    assert found.framework == "onnx"


@pytest.mark.parametrize(
    ("runtime", "framework", "source"),
    [
        ("onnx", "onnx", "card.py"),
        ("tflite", "onnx", "card.py"),
        ("keras", "torch", "torch_card.py"),
        ("torchscript", "torch", "torch_card.py"),
    ],
)
def test_the_runtime_of_a_card_chooses_environment_and_code(
    tmp_path: Path, runtime: str, framework: str, source: str
) -> None:
    """A card that runs in onnxruntime does not depend on the code that runs others in PyTorch."""
    found = read_card(
        card_file(
            tmp_path,
            {"runtime": runtime, "batch": 8, "outputs": ["emotions", "arousal", "valence"]},
        )
    )
    assert (found.framework, found.source.name) == (framework, source)
    assert (found.card["batch"], found.card["outputs"]) == (8, ["emotions", "arousal", "valence"])


def test_a_name_defined_twice_names_both_files(tmp_path: Path) -> None:
    path = plugin_file(tmp_path, 'DETECTORS = {"whole": {"class": "X"}}')
    with pytest.raises(RegistryError, match=r"'whole' is already defined in .*whole\.py") as caught:
        registry.discover((tmp_path,))
    assert str(path) in str(caught.value)


def test_same_name_for_another_kind_is_fine(tmp_path: Path) -> None:
    plugin_file(tmp_path, 'MODELS = {"whole": {"class": "X"}}')
    assert registry.get("model", "whole", (tmp_path,)).source.parent == tmp_path


def test_hidden_and_private_files_are_no_plugins(tmp_path: Path) -> None:
    for name in ("_draft.py", ".draft.py", "notes.txt"):
        plugin_file(tmp_path, "this is not python(", name)
    assert registry.discover((tmp_path,)).keys() == registry.discover().keys()


@pytest.mark.parametrize(
    ("kind", "name", "near"),
    [
        ("detector", "harr", "haar"),
        ("model", "geometri", "geometry"),
        ("dataset", "fer_plus", "ferplus"),
    ],
)
def test_unknown_name_suggests_the_nearest(kind: str, name: str, near: str) -> None:
    with pytest.raises(RegistryError, match=f"unknown {kind} '{name}', did you mean '{near}'"):
        registry.get(kind, name)


def test_folder_that_is_not_there() -> None:
    with pytest.raises(RegistryError, match="/nowhere is not a folder"):
        registry.discover((Path("/nowhere"),))


def test_outside_plugin_loads_by_path(tmp_path: Path) -> None:
    plugin_file(tmp_path, 'DETECTORS = {"mine": {"class": "Mine"}}\nclass Mine:\n    answer = 42\n')
    found = registry.get("detector", "mine", (tmp_path,))
    assert registry.load(found.job().source, found.job().class_name).answer == 42
    with pytest.raises(RegistryError, match=r"mine\.py.*'Nobody'"):
        registry.load(found.source, "Nobody")


def test_builtin_source_is_relative_so_that_a_moved_checkout_is_the_same_job() -> None:
    job = registry.get("detector", "haar").job()
    assert job.source == "detectors/haar.py"
    assert registry.load(job.source, "Haar").__module__ == "faceoff.detectors.haar"


def test_looking_for_a_part_of_a_package_does_not_import_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "brittle" / "inner").mkdir(parents=True)
    plugin_file(tmp_path / "brittle", 'raise RuntimeError("imported")', "__init__.py")
    plugin_file(tmp_path / "brittle" / "inner", "", "part.py")
    monkeypatch.syspath_prepend(tmp_path)
    folder = tmp_path / "plugins"
    folder.mkdir()
    for name, module in (
        ("whole_package", "brittle"),
        ("its_part", "brittle.inner.part"),
        ("no_part", "brittle.inner.absent"),
        ("of_a_file", "brittle.x.y"),
    ):
        plugin_file(
            folder,
            f'MODELS = {{{name!r}: {{"class": "Mine", "requires": {{"modules": [{module!r}]}}}}}}',
            f"{name}.py",
        )
    reasons = {
        name: registry.get("model", name, (folder,)).skip()
        for name in ("whole_package", "its_part", "no_part", "of_a_file")
    }
    assert (reasons["whole_package"], reasons["its_part"]) == (None, None)
    assert "brittle.inner.absent" in reasons["no_part"]
    assert "brittle.x.y" in reasons["of_a_file"]


@pytest.mark.parametrize(
    ("requires", "says"),
    [
        ({"modules": ["no_such_module"]}, "'no_such_module' is not installed"),
        ({"modules": ["no_such_module.part"]}, "'no_such_module.part' is not installed"),
        ({"binaries": ["no-such-program"]}, "'no-such-program' is not on PATH"),
        ({"modules": ["json"], "binaries": ["sh"]}, None),
        ({}, None),
    ],
)
def test_skip_names_what_is_missing(tmp_path: Path, requires: dict, says: str | None) -> None:
    plugin_file(tmp_path, f'DETECTORS = {{"mine": {{"class": "Mine", "requires": {requires!r}}}}}')
    reason = registry.get("detector", "mine", (tmp_path,)).skip()
    assert reason is None if says is None else says in reason


HUB = {
    "config.json": b'{"id2label": {"0": "LABEL_0", "1": "LABEL_1"}}',
    "preprocessor_config.json": b"{}",
}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """Answer on this machine as Hugging Face does; yield what it says of the model me/Net-1."""
    stored = [{"rfilename": name} for name in HUB]
    stored.append({"rfilename": "model.safetensors", "lfs": {"sha256": "a" * 64}})
    about = {"sha": "c" * 40, "siblings": stored, "cardData": {"license": "mit"}}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            prefix = f"/me/Net-1/resolve/{'c' * 40}/"
            body = HUB.get(self.path.removeprefix(prefix))
            if self.path == "/api/models/me/Net-1?blobs=true":
                body = json.dumps(about).encode()
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    yield about
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("task", "kind"),
    [("image-classification", "model"), ("audio-classification", "speech_model")],
)
def test_a_card_of_hugging_face_is_written_with_commit_and_hashes(
    hub: dict[str, Any], tmp_path: Path, task: str, kind: str
) -> None:
    hub["pipeline_tag"] = task
    path = tmp_path / "net.yaml"
    done = CliRunner().invoke(app, ["card", "hf:me/Net-1", "--output", str(path)])
    assert done.exit_code == 0, done.output
    plugin = read_card(path)
    assert (plugin.kind, plugin.name, plugin.card["licence"]) == (kind, "net-1", "mit")
    hashes = {role: asset.sha256 for role, asset in plugin.assets.items()}
    assert hashes == {
        "config": hashlib.sha256(HUB["config.json"]).hexdigest(),
        "processor": hashlib.sha256(b"{}").hexdigest(),
        "weights": "a" * 64,
    }
    assert all("c" * 40 in asset.urls[0] for asset in plugin.assets.values())
    assert "LABEL_0, LABEL_1: write the emotions in this order" in path.read_text()


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("hf:me/other", "there is no public model of this name"),
        ("me", "expected hf:owner/name"),
        ("hf:me/Net-1", "lacks model.safetensors"),
    ],
)
def test_a_card_that_cannot_be_written_is_one_line(
    hub: dict[str, Any], tmp_path: Path, model: str, says: str
) -> None:
    hub["siblings"] = hub["siblings"][:2]
    done = CliRunner().invoke(app, ["card", model, "--output", str(tmp_path / "c.yaml")])
    assert done.exit_code == 1
    assert says in done.output
    assert len(done.output.splitlines()) == 1
    assert not (tmp_path / "c.yaml").exists()


@pytest.mark.parametrize("content", [b"a: [", b"a: \xe9", b"a: " + b"[" * 5000, b"- 1"])
def test_a_bad_card_among_good_ones_is_named_in_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.yaml").write_bytes(content)
    done = CliRunner().invoke(app, ["models", "--plugins", str(tmp_path)])
    assert done.exit_code == 1
    assert done.output.startswith(f"faceoff: model card {tmp_path}/bad.yaml: ")
    assert len(done.output.splitlines()) == 1


def test_a_card_that_is_a_device_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").symlink_to("/dev/zero")
    with pytest.raises(RegistryError, match=r"bad\.yaml: a pipe, socket or device, which is not"):
        read_card(tmp_path / "bad.yaml")


def test_a_card_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").mkdir()
    with pytest.raises(RegistryError, match=r"'net\.onnx' is a folder .*save the network as one"):
        read_card(card_file(tmp_path))
