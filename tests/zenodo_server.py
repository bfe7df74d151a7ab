"""A server on this machine that answers as Zenodo does: a record that lists files with their MD5,
and the files.
"""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Zenodo:
    """A server with a record of archives; `asked` lists the paths that were requested."""

    def __init__(self, files: dict[str, bytes], lie: bool = False):
        self.files, self.asked = files, []
        zenodo = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                zenodo.asked.append(self.path)
                body = (
                    zenodo.record(lie)
                    if self.path == "/record"
                    else zenodo.files.get(self.path[1:])
                )
                self.send_response(200 if body is not None else 404)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *words: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def record(self, lie: bool) -> bytes:
        entries = [
            {
                "key": name,
                "size": len(body),
                "checksum": f"md5:{hashlib.md5(b'other' if lie else body).hexdigest()}",
                "links": {"self": f"{self.address}/{name}"},
            }
            for name, body in self.files.items()
        ]
        return json.dumps({"files": entries}).encode()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
