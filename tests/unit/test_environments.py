"""Every environment file names what the plug-ins of its framework import: found by reading the
code, so that it holds where nothing is installed.
"""

import ast
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest
import yaml

from faceoff.live.settings import MODULES
from faceoff.plugins import code_hash, registry
from faceoff.plugins.model_cards import _CARD_MODULES, CARD_RUNTIMES
from faceoff.plugins.plugin import FRAMEWORKS, PACKAGE

ENVS = Path(__file__).resolve().parents[2] / "envs"
# Import name -> distribution, where they differ.
DISTRIBUTIONS = {
    "PIL": "pillow", "kaldi_native_fbank": "kaldi-native-fbank",
    "ai_edge_litert": "ai-edge-litert", "cv2": "opencv-python-headless",
    "face_alignment": "face-alignment", "feat": "py-feat",
    "facenet_pytorch": "facenet-pytorch", "openface": "openface-test", "pynvml": "nvidia-ml-py",
    "sklearn": "scikit-learn", "yaml": "pyyaml",
}  # fmt: skip
# Distributions that bring another one, or the same package.
BROUGHT_BY = {
    "opencv-python-headless": {"libreface", "mediapipe", "openface-test", "opencv-python"},
    "starlette": {"fastapi"},
    "urllib3": {"requests"},
    "markupsafe": {"jinja2"},
    "snakemake_interface_logger_plugins": {"snakemake"},
}
# Imported inside a function that only some users of the module call: those say so in `requires`.
CHOSEN = {
    "runtimes.py": {"onnxruntime", "ai_edge_litert"},
    "videos.py": {"av"},
    "torch_devices.py": {"torch", "torchvision"},
    "casme2.py": {"openpyxl"},
    # Whoever runs a network has what reads its weights; captum is asked of PyTorch's networks.
    "randomised.py": {"ai_edge_litert", "h5py", "onnx", "safetensors", "torch"},
    "grad_cam.py": {"captum", "torch"},
}
# Of every job; the code's hash leaves some of them out.
SHARED = (
    "plugins/registry.py",
    "plugins/headers.py",
    "plugins/model_cards.py",
    "assets/fetch.py",
    "assets/downloads.py",
    "progress.py",
    "stages/failure.py",
)
IN_FRAMEWORKS = {
    "detect.py": "detector",
    "predict.py": "model",
    "train.py": "model",
    "embed.py": "model",
    "predict_clips.py": "model",
    "saliency.py": "model",
    "fit.py": "network",
    "fit_clips.py": "network",
    "export_network.py": "network",
    "export_clips.py": "network",
    "tracks.py": "tracking",
    "segment.py": "segmenter",
    "hear.py": "speech_model",
}  # the stages that run in a plug-in's environment, in PyTorch's or in ONNX's


@cache
def named(framework: str) -> frozenset[str]:
    """Distributions that an environment file names, in lower case."""
    listed = yaml.safe_load((ENVS / f"{framework}.yaml").read_text(encoding="utf-8"))[
        "dependencies"
    ]
    texts = [
        item for entry in listed for item in (entry["pip"] if isinstance(entry, dict) else [entry])
    ]
    return frozenset(re.split(r"[\[<>=!~ ;]", text)[0].casefold() for text in texts)


@cache
def third_party(path: Path) -> frozenset[str]:
    """Top names of what a file imports from outside the standard library and this package, without
    what CHOSEN leaves to others and what only type checkers read.
    """
    found: set[str] = set()
    tree = ast.parse(path.read_bytes())
    tree.body = [node for node in tree.body if not _is_for_types(node)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add((node.module or "").split(".")[0])
    return frozenset(
        found - set(sys.stdlib_module_names) - {"faceoff"} - CHOSEN.get(path.name, set())
    )


def _is_for_types(node: ast.stmt) -> bool:
    """Return whether a statement is an `if TYPE_CHECKING:` block, which never runs."""
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def reached(*roots: Path) -> set[Path]:
    """These files and all that they import inside the package."""
    seen: set[Path] = set()
    todo = [*roots, *(PACKAGE / name for name in SHARED)]
    while todo:
        path = todo.pop()
        if path not in seen:
            seen.add(path)
            todo.extend(code_hash.imports(path))
    return seen


def needed(framework: str) -> dict[str, set[str]]:
    """Return what the plug-ins of a framework import, by distribution, and who imports it."""
    users: dict[str, set[str]] = {}

    def use(module: str, user: str) -> None:
        users.setdefault(DISTRIBUTIONS.get(module, module), set()).add(user)

    for plugin in registry.discover().values():
        stages = [
            PACKAGE / "stages" / name for name, kind in IN_FRAMEWORKS.items() if kind == plugin.kind
        ]
        if plugin.framework != framework or not stages:
            continue
        for path in reached(plugin.source, *stages):
            for module in third_party(path):
                use(module, path.name)
        # A file that a package carries may be downloaded instead where the asset says from where.
        for module in (
            *plugin.modules,
            *(
                asset.package
                for asset in plugin.assets.values()
                if asset.package not in (None, PACKAGE.name) and not asset.urls
            ),
        ):
            use(module.split(".")[0], plugin.name)
    if framework == "torch":  # trains networks, too
        stages = [PACKAGE / "stages" / name for name, kind in IN_FRAMEWORKS.items()
                  if kind == "network"]  # fmt: skip
        for path in reached(*stages, *(PACKAGE / "training").glob("*nets/*.py")):
            for module in third_party(path):
                use(module, path.name)
        use("onnxscript", "torch.onnx.export")
    if framework == "onnx":  # follows faces, too
        for path in reached(PACKAGE / "stages" / "tracks.py"):
            for module in third_party(path):
                use(module, path.name)
    for runtime, home in CARD_RUNTIMES.items():
        for module in _CARD_MODULES[runtime] if home == framework else ():
            use(module, f"cards of runtime {runtime}")
    return users


def test_one_file_for_each_framework() -> None:
    assert {path.stem for path in ENVS.glob("*.yaml")} == set(FRAMEWORKS)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_environment_names_what_its_plugins_import(framework: str) -> None:
    users = needed(framework)
    absent = {
        name: sorted(who)
        for name, who in users.items()
        if not ({name.casefold()} | BROUGHT_BY.get(name, set())) & named(framework)
    }
    assert users, "an environment that no plug-in uses"
    assert not absent


def of_the_core() -> dict[str, str]:
    """Return what stages without a plug-in, datasets and the command line import.

    By the distribution that brings it, with one of the files that do.
    """
    stages = [path for path in (PACKAGE / "stages").glob("*.py") if path.name not in IN_FRAMEWORKS]
    datasets = [
        plugin.source for plugin in registry.discover().values() if plugin.kind == "dataset"
    ]
    users = {
        DISTRIBUTIONS.get(module, module): path.name
        for path in reached(*stages, *datasets)
        for module in third_party(path)
    }
    return users | {"av": "videos.py"}  # clips are decoded here


def test_core_names_what_the_other_stages_and_the_datasets_import() -> None:
    assert {
        name: who
        for name, who in of_the_core().items()
        if not ({name.casefold()} | BROUGHT_BY.get(name, set())) & named("core")
    } == {}


def test_core_names_nothing_else() -> None:
    assert named("core") - {name.casefold() for name in of_the_core()} - {"pip", "python"} == set()


def test_the_package_requires_what_its_commands_import() -> None:
    """`pip install .` alone is enough for every command that needs no plug-in."""
    project = tomllib.loads((ENVS.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = project["dependencies"]
    commands = {
        DISTRIBUTIONS.get(module, module)
        for path in reached(PACKAGE / "cli.py")
        if path.parent.name != "live"
        for module in third_party(path)
    }
    assert {re.split(r"[<>=]", text)[0] for text in declared} == named("core") - {
        "pip",
        "python",
    } | {"typer", "snakemake"}
    # `analyze` and `explain` run plug-ins; they import what reads their networks when they have it.
    of_plugins = {"onnx"}
    assert {
        name
        for name in commands
        if not ({name.casefold()} | BROUGHT_BY.get(name, set()))
        & (named("core") | {"typer", "snakemake"})
    } == of_plugins


def test_the_extra_of_the_server_has_what_its_room_imports() -> None:
    """`pip install 'faceoff[live]'` is enough for `faceoff serve`, which asks for these first."""
    project = tomllib.loads((ENVS.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extra = {name.replace("-", "_") for name in project["optional-dependencies"]["live"]}
    imported = {
        DISTRIBUTIONS.get(module, module).replace("-", "_")
        for path in (PACKAGE / "live").glob("*.py")
        for module in third_party(path)
    }
    of_all = {name.replace("-", "_") for name in named("core") | {"fastapi"}}
    assert imported - of_all - {"starlette"} == {"prometheus_client", "uvicorn"}
    # FastAPI reads forms by the one, and uvicorn sockets by the other; neither asks for them.
    assert extra == {"fastapi", "prometheus_client", "uvicorn", "python_multipart", "websockets"}
    assert set(MODULES) == extra


def test_the_commands_start_without_the_packages_of_plugins() -> None:
    code = (
        "import sys; sys.modules['onnx'] = None; sys.modules['onnxruntime'] = None\n"
        "sys.modules['fastapi'] = None; sys.modules['uvicorn'] = None\n"
        "import faceoff.cli, faceoff.analysis.analyzer"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_python_is_new_enough() -> None:
    for framework in FRAMEWORKS:
        listed = yaml.safe_load((ENVS / f"{framework}.yaml").read_text(encoding="utf-8"))[
            "dependencies"
        ]
        assert "python=3.11" in listed, (
            f"{framework}: this package needs 3.11, and every lock was made with it"
        )
