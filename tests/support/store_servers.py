"""Real servers of object stores for tests: moto, in memory, and SeaweedFS, on disk. Each runs on this machine and ends when the block ends.

Belongs here: starting them, with a bucket, and one that ignores conditions. Does not belong here: what is kept there.
"""

from __future__ import annotations

import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import HTTPError, URLError

#: `make stores` makes it.
PROGRAMS = Path(__file__).parents[2] / "build" / "stores" / "bin"
BUCKET = "books"
#: The variables in which tests keep key and secret.
KEY, SECRET = "TIERLEDGER_TEST_STORE_KEY", "TIERLEDGER_TEST_STORE_SECRET"


def storage(endpoint: str, folder: str) -> str:
    """book.yaml's key `storage` for a book that is kept in a folder of the server's bucket."""
    url = f"s3://{BUCKET}/{folder}"
    options = f"{{endpoint: {endpoint}, region: us-east-1, access_key_id: 'env:{KEY}', secret_access_key: 'env:{SECRET}'}}"
    return f"storage:\n  archive: {url}/archive\n  published: {url}/published\n  options:\n    s3://{BUCKET}: {options}\n"


@contextmanager
def running_moto(folder: Path) -> Iterator[str]:
    """The address of a fresh server."""
    port = _free_port()
    with _running(folder, ["moto_server", "-H", "127.0.0.1", "-p", str(port)], port) as endpoint:
        yield endpoint


@contextmanager
def running_seaweedfs(folder: Path) -> Iterator[str]:
    """The address of a fresh server. It keeps its data in `folder`."""
    (folder / "data").mkdir(parents=True)
    ports = {name: _free_port() for name in ("master", "volume", "filer", "s3")}
    command = ["weed", "-logtostderr=true", "server", "-s3", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={folder / 'data'}"]
    command += [
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-master.volumeSizeLimitMB=64",
        "-volume.max=0",
        *(f"-{name}.port={port}" for name, port in ports.items()),
    ]
    try:
        with _running(folder, command, ports["s3"]) as endpoint:
            yield endpoint
    finally:
        for port in ports.values():
            for left in (*Path("/tmp").glob(f"seaweedfs-*-{port}.sock"), *Path("/tmp").glob(f"seaweedfs-*-{port + 10_000}.sock")):
                left.unlink(missing_ok=True)


@contextmanager
def ignoring_conditions(ignored: str) -> Iterator[str]:
    """The address of a store that answers every PUT with 200, whatever this header says."""
    objects: dict[str, tuple[bytes, str]] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            held = objects.get(self.path)
            creates = self.headers["If-None-Match"] == "*" and ignored != "If-None-Match" and held
            replaces = self.headers["If-Match"] and ignored != "If-Match" and (held is None or held[1] != self.headers["If-Match"])
            if creates or replaces:
                self._answer(412, b"", "")
                return
            objects[self.path] = body, f'"{time.monotonic_ns()}"'
            self._answer(200, b"", objects[self.path][1])

        def do_GET(self) -> None:
            body, tag = objects.get(self.path, (b"", ""))
            self._answer(200 if tag else 404, body, tag)

        def _answer(self, status: int, body: bytes, tag: str) -> None:
            self.send_response(status)
            for name, value in {"ETag": tag, "Content-Length": str(len(body)), "Last-Modified": "Sun, 29 Nov 2026 20:00:00 GMT"}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: tests print what they find."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def _running(folder: Path, command: Sequence[str], port: int) -> Iterator[str]:
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "log"
    with log.open("wb") as file:
        process = subprocess.Popen([PROGRAMS / command[0], *command[1:]], stdout=file, stderr=file, cwd=folder)
    try:
        _make_bucket(f"http://127.0.0.1:{port}", process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()  # SeaweedFS takes ten seconds to end, and its data is nobody's loss
        process.wait()


def _make_bucket(endpoint: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the server takes an object: SeaweedFS makes a bucket before it has a volume to write to."""
    ends = time.monotonic() + 90
    ask = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
    while True:
        with suppress(HTTPError, URLError, OSError):
            ask(urllib.request.Request(f"{endpoint}/{BUCKET}", method="PUT"), timeout=10)
            ask(urllib.request.Request(f"{endpoint}/{BUCKET}/begun", data=b"x", method="PUT"), timeout=30)
            return
        if process.poll() is not None or time.monotonic() > ends:
            raise AssertionError(log.read_text(errors="replace")[-3000:])
        time.sleep(0.1)


def _free_port() -> int:
    """A port that nobody listens on, nor on the one 10,000 above, which SeaweedFS takes as well."""
    while True:
        with socket.socket() as low, socket.socket() as high:
            low.bind(("127.0.0.1", 0))
            port: int = low.getsockname()[1]
            if port > 55_000:
                continue
            with suppress(OSError):
                high.bind(("127.0.0.1", port + 10_000))
                return port
