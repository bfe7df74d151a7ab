"""Ask the job server to run a script, in the place of `python`; start Python where it does not.

`job_server` starts this file as a script, without the package: only what Python brings is imported.
"""

import os
import signal
import socket
import sys
from contextlib import suppress

STARTED = b"started "


def request(arguments: list[str]) -> bytes:
    """Return a job as one message: how many arguments, the folder, them, then the environment."""
    settings = [b"=".join(pair) for pair in os.environb.items()]
    words = [os.fsencode(word) for word in (str(len(arguments)), os.getcwd(), *arguments)]
    return b"\0".join(words + settings)


def ask(address: str, arguments: list[str]) -> int | None:
    """Return the job's exit status, below 0 for a signal; None where it was not started."""
    with socket.socket(socket.AF_UNIX) as server:
        answer = b""
        with suppress(OSError):  # the server has ended
            server.connect(address)
            message = request(arguments)
            sent = socket.send_fds(server, [len(message).to_bytes(8, "big")], [0, 1, 2])
            assert sent == 8
            server.sendall(message)
            while part := server.recv(64):
                answer += part
    if not answer.startswith(STARTED):
        return None
    if status := answer.removeprefix(STARTED):
        return int(status)
    print("faceoff: the server of this run's jobs was ended", file=sys.stderr)
    return 1


def main(address: str, python: str, *arguments: str) -> None:
    """Run the job there, else here; end as it ends."""
    status = ask(address, list(arguments))
    if status is None:
        os.execv(python, [python, *arguments])
    if status < 0:
        with suppress(OSError):  # SIGKILL has no handler
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    sys.exit(status)


if __name__ == "__main__":
    main(*sys.argv[1:])
