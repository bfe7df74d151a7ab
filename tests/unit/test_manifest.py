"""The manifest says on what each stage's jobs computed."""

from faceoff.layout import VERSION
from faceoff.plan.aggregate_jobs import ManifestJob
from faceoff.stages.manifest import write_manifest
from faceoff.storage import files


def test_devices_by_stage(tmp_path):
    told = [
        {"stage": "detect", "detector": "a", "device": "cpu"},
        {
            "stage": "predict",
            "detector": "a",
            "model": "m",
            "device": "cuda (NVIDIA H200); cuda (Tesla T4)",
        },  # shards on two kinds of node
        {"stage": "predict", "detector": "a", "model": "n", "device": "cuda (NVIDIA H200)"},
        {"stage": "predict", "detector": "a", "model": "n", "device": "cpu"},
        {"failed": True},
    ]
    timings = [tmp_path / f"{number}.json" for number in range(len(told))]
    for path, timing in zip(timings, told, strict=True):
        files.write_json(
            path, timing | ({} if "failed" in timing else {"versions": {"python": "3"}})
        )
    job = ManifestJob(
        code="c",
        config={},
        assets={},
        datasets={},
        models={},
        environments={"detector a": "torch", "model m": "torch", "model n": "onnx"},
    )
    write_manifest([], timings, tmp_path / "manifest.json", job)
    written = files.read_json(tmp_path / "manifest.json")
    assert written["layout"] == VERSION
    assert written["devices"] == {
        "detect": ["cpu"],
        "predict": ["cpu", "cuda (NVIDIA H200)", "cuda (Tesla T4)"],
    }
    assert written["environments"] == {"torch": {"python": "3"}, "onnx": {"python": "3"}}
