"""A page served to a headless Chromium, and the answer that it posts."""

import json
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from kerascnn.errors import UserError

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".wasm": "application/wasm",
    ".json": "application/json",
}
# With these two a page may have threads: SharedArrayBuffer needs them.
ISOLATED = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}
FLAGS = (
    "--headless=new",
    "--no-sandbox",  # a browser in a container has no other way; it sees our own page alone
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
)


def browser() -> str | None:
    """The path of Chromium, by whichever name; None where there is none."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


def browser_version() -> str:
    """What Chromium says of itself, its version alone."""
    told = subprocess.run([browser() or "", "--version"], capture_output=True, text=True)
    return next((word for word in told.stdout.split() if word[:1].isdigit()), "?")


class Pages(ThreadingHTTPServer):
    """Serves what `pages` holds, address -> bytes or a path, on a port of its own choice.

    answer: what the page posted; waits for it with `wait`.
    """

    daemon_threads = True

    def __init__(self, pages: Mapping[str, bytes | Path]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pages = pages
        self.answer: Any = None
        self.answered = threading.Event()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Pages

    def do_GET(self) -> None:
        page = self.server.pages.get(self.path.split("?")[0].lstrip("/"))
        if page is None:
            self.send_error(404)
            return
        data = page if isinstance(page, bytes) else page.read_bytes()
        self.send_response(200)
        suffix = Path(self.path.split("?")[0]).suffix
        self.send_header("Content-Type", TYPES.get(suffix, "application/octet-stream"))
        self.send_header("Content-Length", str(len(data)))
        for name, value in ISOLATED.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()
        self.server.answer = json.loads(text)
        self.server.answered.set()

    def log_message(self, *_: Any) -> None:
        """Says nothing: the terminal is the user's."""


def answer_of(
    pages: Mapping[str, bytes | Path],
    *,
    start: str = "page.html",
    patience: float = 120,
) -> Any:
    """Opens a page in Chromium and returns what it posts to /answer.

    Args:
        pages: address -> bytes or a path. start: the address that is opened. patience: seconds.

    Raises:
        UserError: no browser, or no answer in time.
    """
    program = browser()
    if program is None:
        raise UserError("Chromium is not here: apt install chromium")
    with Pages(pages) as server, tempfile.TemporaryDirectory() as profile:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        flags = [*FLAGS, f"--user-data-dir={profile}", f"{server.address}/{start}"]
        with tempfile.TemporaryFile() as noise:
            process = subprocess.Popen([program, *flags], stdout=noise, stderr=noise)
            try:
                if not server.answered.wait(patience):
                    ended = process.poll()
                    how = f"ended with {ended}" if ended is not None else "did not answer"
                    raise UserError(f"the browser {how} within {patience:g} s")
            finally:
                process.kill()
                process.wait()
                server.shutdown()
    return server.answer
