"""The explorer as a server of its own, for tests in a real browser."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from explorer_app import context

CHROMIUM = os.environ.get("LMINDEXER_CHROMIUM", "/usr/bin/chromium")
APP = Path(context.__file__).with_name("app.py")


@contextmanager
def serving(log: Path, *words: str, port: int | None = None):
    """The app over some folders or studies; gives its process and address."""
    if port is None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
    options = ["--server.address", "127.0.0.1", "--server.port", str(port), "--server.headless", "true"]
    options += ["--server.fileWatcherType", "none", "--browser.gatherUsageStats", "false"]
    with log.open("ab") as out:
        app = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", *options, str(APP), "--", *words], stdout=out, stderr=out
        )
    try:
        _await_health(port, app, log)
        yield app, f"http://127.0.0.1:{port}/"
    finally:
        app.kill()
        app.wait(20)


def _await_health(port: int, app, log: Path) -> None:
    until = time.monotonic() + 90
    while time.monotonic() < until:
        assert app.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(log.read_text())
