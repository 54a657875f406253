"""A web server of the test's own, in the place of PvMonit's page."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator

import pytest


class Server(http.server.ThreadingHTTPServer):
    """A PvMonit on the network, whose answer a test sets; `asked` counts."""

    answer: Callable[[http.server.BaseHTTPRequestHandler], None]
    asked = 0

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.closing = threading.Event()
        self.daemon_threads = True

    @property
    def url(self) -> str:
        """Where the data is."""
        return f"http://127.0.0.1:{self.server_port}/data-xml.php"


class Handler(http.server.BaseHTTPRequestHandler):
    """Passes the question on to the test's answer."""

    server: Server

    def do_GET(self) -> None:
        """Answers."""
        self.server.asked += 1
        try:
            self.server.answer(self)
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that runs while the test does."""
    server = Server()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server
    server.closing.set()
    server.shutdown()
    server.server_close()


def page(
    content: bytes, code: int = 200, **headers: str
) -> Callable[[http.server.BaseHTTPRequestHandler], None]:
    """An answer with this content."""

    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(content)

    return answer
