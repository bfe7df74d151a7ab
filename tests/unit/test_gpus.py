"""Jobs beside each other take different GPUs; NVML (by nvidia-ml-py) and CUDA's driver are
libraries of the same interface, compiled here.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from faceoff.inference import gpus

PACKAGE = Path(gpus.__file__).parents[2]

# What a job does: it says which GPU it takes, twice, and works until its input is closed.
_JOB = (
    "import sys; from faceoff.inference import gpus; print(gpus.index('cuda'), "
    "gpus.index('auto'), gpus.index('cuda:1'), flush=True); sys.stdin.read()"
)

# Two GPUs, in CUDA's order the second of NVML's first. They draw 5 J and 7 J between two readings,
# and the first reading is not 0.
_CUDA = """
#include <string.h>
int cuInit(unsigned flags) { return 0; }
int cuDeviceGet(int *device, int ordinal) { *device = 10 + ordinal; return ordinal > 1 ? 101 : 0; }
int cuDeviceGetName(char *name, int length, int device) {
    strncpy(name, device == 10 ? "Pretended A" : "Pretended B", length); return 0; }
int cuDeviceGetUuid(unsigned char *octets, int device) {
    memset(octets, 0, 16); octets[0] = device == 10 ? 0xa0 : 0xb0; return 0; }
"""
_NVML = """
#include <stdio.h>
#include <string.h>
static int first = 1, second = 2;
static unsigned long long drawn[2];
int nvmlInitWithFlags(unsigned flags) { drawn[0] += 5000; drawn[1] += 7000; return 0; }
int nvmlShutdown(void) { return 0; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 2; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **handle) {
    *handle = index ? &second : &first; return 0; }
int nvmlDeviceGetUUID(void *handle, char *name, unsigned length) {
    snprintf(name, length, "GPU-%s000000-0000-0000-0000-000000000000",
             handle == &first ? "b0" : "a0");
    return 0; }
int nvmlDeviceGetTotalEnergyConsumption(void *handle, unsigned long long *mj) {
    *mj = drawn[handle == &second]; return MISSING; }
"""


def _environment(folder: Path, **variables: str) -> dict[str, str]:
    kept = {
        key: value
        for key, value in os.environ.items()
        if key not in {"CUDA_VISIBLE_DEVICES", "SLURM_JOB_ID", "FACEOFF_DEVICE"}
    }
    return kept | {"PYTHONPATH": str(PACKAGE), "TMPDIR": str(folder)} | variables


@pytest.fixture
def job(tmp_path):
    """Start a job of this environment; it has its GPU once it has said which."""
    running = []

    def start(**variables: str) -> tuple[subprocess.Popen, list[int]]:
        environment = _environment(tmp_path, **variables)
        process = subprocess.Popen(
            [sys.executable, "-c", _JOB],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process, [int(number) for number in process.stdout.readline().split()]

    yield start
    for process in running:
        process.communicate()


def test_jobs_beside_each_other_take_different_gpus(job):
    told = [job(CUDA_VISIBLE_DEVICES="4,7,GPU-5f")[1] for _ in range(3)]
    assert [own for own, *_ in told] == [0, 1, 2], "CUDA's numbers, not the machine's"
    assert all(again == own and asked == 1 for own, again, asked in told), (
        "the same whenever asked; cuda:1 is what was asked for"
    )


def test_a_killed_job_frees_its_gpu_and_one_too_many_shares(job):
    running = [job(CUDA_VISIBLE_DEVICES="4,7,9") for _ in range(3)]
    sharing, (own, *_) = job(CUDA_VISIBLE_DEVICES="4,7,9")
    assert own == sharing.pid % 3
    running[1][0].kill()
    running[1][0].wait()
    assert job(CUDA_VISIBLE_DEVICES="4,7,9")[1][0] == 1


def test_what_is_taken_is_the_gpu_not_its_place(job):
    job(CUDA_VISIBLE_DEVICES="4,7")
    assert job(CUDA_VISIBLE_DEVICES="7,4")[1][0] == 0, "the other one"
    assert job(CUDA_VISIBLE_DEVICES="8,9", SLURM_JOB_ID="2")[1][0] == 0
    assert job(CUDA_VISIBLE_DEVICES="4,7", SLURM_JOB_ID="3")[1][0] == 0, (
        "Slurm numbers the GPUs of every allocation from 0"
    )
    assert job(CUDA_VISIBLE_DEVICES="MIG-GPU-5f/1/0,MIG-GPU-5f/2/0")[1][0] == 0
    assert (
        job(CUDA_VISIBLE_DEVICES="3")[1][0]
        == job(CUDA_VISIBLE_DEVICES="3")[1][0]
        == job(CUDA_VISIBLE_DEVICES="")[1][0]
        == 0
    )


def test_a_folder_that_cannot_be_written_does_not_stop_a_job(job, tmp_path):
    (tmp_path / f"faceoff-gpus-{os.getuid()}").write_text("a file in its place")
    process, (own, *_) = job(CUDA_VISIBLE_DEVICES="4,7")
    assert own == process.pid % 2


_ONNX = """
import onnxruntime
from faceoff.inference import hardware, runtimes
onnxruntime.get_available_providers = lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"]
for device in ("auto", "cuda", "cuda:0"):
    hardware.set_hardware(hardware.Hardware(device))
    print(runtimes.onnx_providers()[0][1]["device_id"])
"""


def test_onnxruntime_is_told_the_gpu_that_is_free(job, tmp_path):
    job(CUDA_VISIBLE_DEVICES="4,7")
    environment = _environment(tmp_path, CUDA_VISIBLE_DEVICES="4,7")
    done = subprocess.run(
        [sys.executable, "-c", _ONNX], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["1", "1", "0"]


@pytest.mark.parametrize(
    ("told", "names"),
    [
        ("0,1", ["0", "1"]),
        ("3, GPU-1a", ["3", "GPU-1a"]),
        ("", []),
        ("-1", []),
        ("NoDevFiles", []),
        ("2,-1,3", ["2"]),
        ("MIG-1/2/3", ["MIG-1/2/3"]),
    ],
)
def test_what_cuda_visible_devices_shows(told, names):
    assert gpus.visible({"CUDA_VISIBLE_DEVICES": told}) == names


def test_without_that_variable_the_device_files_count(tmp_path):
    assert gpus.visible({}, tmp_path) == []
    for name in ("nvidia10", "nvidia2", "nvidiactl", "nvidia-uvm", "nvidia0"):
        (tmp_path / name).touch()
    assert gpus.visible({}, tmp_path) == ["0", "2", "10"]


@pytest.mark.skipif(Path("/dev/nvidia0").exists(), reason="this machine has a GPU")
def test_without_a_driver_a_timing_still_says_on_what_it_was():
    assert [gpus.described(number) for number in (None, 0)] == ["cpu", "cuda"]
    assert gpus.identifier(0) is None


def _compile(source: str, library: Path, *options: str) -> None:
    compiler = shutil.which("cc") or pytest.skip("no C compiler")
    subprocess.run(
        [compiler, "-shared", "-fPIC", *options, "-x", "c", "-", "-o", str(library)],
        input=source,
        text=True,
        check=True,
    )


_METERED = """
from pathlib import Path
import sys
from faceoff.inference import energy, gpus
energy.PACKAGE = Path(sys.argv[1])
energy.PACKAGE.write_text("1000000")
meter = energy.Meter()
energy.PACKAGE.write_text("3500000")
print([gpus.described(number) for number in (None, 0, 1, 2)])
print([gpus.identifier(number) for number in (0, 1, 2)])
since = [meter.joules(number) for number in (None, 0)]
print(since, [energy.Meter().joules(number) for number in (None, 1, 2)])
energy.PACKAGE.write_text("5")
print(meter.joules(None), meter.joules(0))
energy.PACKAGE.unlink()
print(meter.joules(None), meter.joules(0))
"""


@pytest.mark.parametrize("missing", [False, True], ids=["counted", "not_supported"])
def test_a_job_on_a_gpu_has_that_gpus_energy_with_the_processors_or_none(tmp_path, missing):
    """NVML numbers the GPUs otherwise than CUDA: found by UUID."""
    _compile(_CUDA, tmp_path / "libcuda.so.1")
    _compile(_NVML, tmp_path / "libnvidia-ml.so.1", f"-DMISSING={3 * missing}")
    environment = _environment(tmp_path, LD_LIBRARY_PATH=str(tmp_path), CUDA_VISIBLE_DEVICES="1,0")
    done = subprocess.run(
        [sys.executable, "-c", _METERED, str(tmp_path / "energy_uj")],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    names, identifiers, drawn, began_anew, unreadable = done.stdout.splitlines()
    assert names == "['cpu', 'cuda (Pretended A)', 'cuda (Pretended B)', 'cuda']"
    assert (
        identifiers == "['GPU-a0000000-0000-0000-0000-000000000000', "
        "'GPU-b0000000-0000-0000-0000-000000000000', None]"
    )
    # The processor drew 2.5 J, then nothing; GPU 0 is NVML's second, which draws 7 J from reading
    # to reading.
    assert drawn == ("[2.5, None] [0.0, None, None]" if missing else "[2.5, 9.5] [0.0, 5.0, None]")
    assert began_anew == unreadable == "None None"


@pytest.mark.parametrize("absent", ["driver", "driver's function", "nvidia-ml-py"])
def test_without_nvml_only_jobs_on_the_processor_have_their_energy(tmp_path, absent):
    _compile(_CUDA, tmp_path / "libcuda.so.1")
    if absent != "driver":
        source = (
            _NVML.replace("nvmlInitWithFlags", "nvmlInitOfAnotherTime")
            if absent == "driver's function"
            else _NVML
        )
        _compile(source, tmp_path / "libnvidia-ml.so.1", "-DMISSING=0")
    script = (
        "import sys; sys.modules['pynvml'] = None\n" + _METERED
        if absent == "nvidia-ml-py"
        else _METERED
    )
    environment = _environment(tmp_path, LD_LIBRARY_PATH=str(tmp_path), CUDA_VISIBLE_DEVICES="0,1")
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "energy_uj")],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[2] == "[2.5, None] [0.0, None, None]"
