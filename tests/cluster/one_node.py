"""Run a Slurm of one node on this machine, for as long as a test needs it."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

# The executor plug-in strips SLURM_* variables, so the settings must be the system's.
SETTINGS = Path("/etc/slurm")
MARK = "# made by Faceoff's tests/cluster/one_node.py"
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scontrol", "squeue", "sinfo", "scancel")

CONF = """{mark} in {folder}
ClusterName=faceoff
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
ReturnToService=2
JobRequeue=0
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
MinJobAge=3600
KillWait=5
SchedulerParameters=sched_interval=1,bf_interval=1
MailProg=/bin/true
GresTypes=gpu
SlurmdParameters=config_overrides
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
NodeName=localhost NodeHostname={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=20000 Gres=gpu:1
PartitionName=all Nodes=ALL Default=YES State=UP MaxTime=INFINITE PriorityTier=1
PartitionName=urgent Nodes=ALL State=UP MaxTime=INFINITE PriorityTier=2
"""


def obstacle() -> str | None:
    """Return why no Slurm can be started here, or None."""
    missing = [name for name in PROGRAMS if not shutil.which(name)]
    if missing:
        return f"no {', '.join(missing)} (Debian: slurm-wlm, munge)"
    if os.geteuid() != 0:
        return "a Slurm of one's own needs root"
    conf = SETTINGS / "slurm.conf"
    if conf.exists() and not conf.read_text().startswith(MARK):
        return f"{conf} is of a Slurm that is already here, which is left alone"
    return None


def _end(folder: Path) -> None:
    """End the daemons that were started in this folder, and wait until they are gone.

    The daemon of the node ends first.
    """
    for name in ("slurmd", "slurmctld", "munged"):
        with contextlib.suppress(OSError, ValueError):
            pid = int((folder / f"{name}.pid").read_text())
            if Path(f"/proc/{pid}/comm").read_text().strip() != name:
                continue
            for sent in (signal.SIGTERM, signal.SIGKILL):
                os.kill(pid, sent)  # raises when it is gone
                for _ in range(50):
                    time.sleep(0.1)
                    os.kill(pid, 0)


def _clear() -> None:
    """Remove our settings and end what an earlier, killed session left running by them."""
    conf = SETTINGS / "slurm.conf"
    if conf.exists():
        _end(Path(conf.read_text().splitlines()[0].removeprefix(f"{MARK} in ")))
        conf.unlink()
        (SETTINGS / "gres.conf").unlink(missing_ok=True)


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextlib.contextmanager
def slurm(folder: Path, cpus: int = 2) -> Iterator[None]:
    """Run a Slurm with this many CPUs, its state in the folder; end all of it afterwards.

    Raise RuntimeError when it does not come up.
    """
    _clear()
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    host = socket.gethostname().partition(".")[0]
    SETTINGS.mkdir(exist_ok=True)
    (SETTINGS / "slurm.conf").write_text(
        CONF.format(mark=MARK, folder=folder, host=host, ports=_free_ports(2), cpus=cpus)
    )
    (SETTINGS / "gres.conf").write_text("NodeName=localhost Name=gpu File=/dev/null\n")
    munge = [
        f"--{name}={folder}/munged.{name.partition('-')[0]}"
        for name in ("pid-file", "log-file", "seed-file")
    ]
    try:
        for command in (
            ["munged", "--force", f"--key-file={key}", f"--socket={folder}/munge.socket", *munge],
            ["slurmctld"],
            ["slurmd", "-N", "localhost"],
        ):
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=30)
        _wait_until_idle(folder)
        yield
    finally:
        subprocess.run(["scancel", "--user=root"], check=False, capture_output=True, timeout=30)
        _clear()


def _wait_until_idle(folder: Path) -> None:
    for _ in range(150):
        state = subprocess.run(
            ["sinfo", "--noheader", "--format=%T"],
            check=False,
            capture_output=True,
            text=True,
            timeout=30,
        )
        if state.stdout.strip() == "idle":
            return
        time.sleep(0.2)
    logs = "".join(path.read_text()[-2000:] for path in sorted(folder.glob("*.log")))
    raise RuntimeError(f"Slurm did not come up in 30 s:\n{logs}")
