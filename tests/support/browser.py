"""A real browser, headless Chromium, driven over its own pipe: no package is needed for it."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from fcntl import F_DUPFD, fcntl
from typing import Any

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--remote-debugging-pipe",
    "--window-size=1200,900",
)


class Browser:
    """One page of it. What the page says by alert() is in `said`, and is answered with OK."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self._number = 0
        self._buffer = b""
        self._home = tempfile.mkdtemp(prefix="browser-", dir="/tmp")  # its sockets want a short path
        theirs_in, self._to = os.pipe()
        self._from, theirs_out = os.pipe()

        def pipes() -> None:  # where Chromium looks for them
            first, second = fcntl(theirs_in, F_DUPFD, 10), fcntl(theirs_out, F_DUPFD, 10)
            os.dup2(first, 3)
            os.dup2(second, 4)

        self._process = subprocess.Popen(
            [PROGRAM, *FLAGS, f"--user-data-dir={self._home}/profile", "about:blank"],
            env={**os.environ, "HOME": self._home, "TMPDIR": self._home},
            preexec_fn=pipes,
            close_fds=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._session = ""
        target = self._until(self._page)
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._ask("Page.enable")

    def close(self) -> None:
        """Ends it, and all its processes."""
        session, self._session = self._session, ""
        try:
            self._ask("Browser.close")
        except (OSError, TimeoutError):
            pass
        self._session = session
        os.close(self._to)
        os.close(self._from)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
        shutil.rmtree(self._home, ignore_errors=True)

    def open(self, address: str, ready: str) -> None:
        """Goes to a page, and waits until `ready`, JavaScript, is true in it."""
        self._ask("Page.navigate", url=address)
        self.until(
            f"location.href == {json.dumps(address)} && document.readyState == 'complete' && ({ready})"
        )

    def run(self, script: str) -> Any:
        """The value of some JavaScript in the page."""
        answer = self._ask("Runtime.evaluate", expression=script, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(json.dumps(answer["exceptionDetails"])[:600])
        return answer["result"].get("value")

    def until(self, script: str) -> None:
        """Waits until some JavaScript is true."""

        def true() -> bool:
            try:
                return bool(self.run(script))
            except RuntimeError:  # the page is not there yet
                return False

        self._until(true)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Moves the mouse from one place to another with its button down."""
        (x, y), (to_x, to_y) = start, end
        self._mouse("mouseMoved", x, y, "none")
        self._mouse("mousePressed", x, y, "left")
        for step in range(1, 11):
            self._mouse("mouseMoved", x + (to_x - x) * step / 10, y + (to_y - y) * step / 10, "left")
        self._mouse("mouseReleased", to_x, to_y, "left")

    def click(self, x: float, y: float) -> None:
        """Clicks there."""
        self._mouse("mousePressed", x, y, "left")
        self._mouse("mouseReleased", x, y, "left")

    def type(self, text: str) -> None:
        """Types over what is selected."""
        self._ask("Input.insertText", text=text)

    def key(self, key: str, code: int) -> None:
        """Presses a key, by its name and its old number."""
        for kind in ("keyDown", "keyUp"):
            self._ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def _mouse(self, kind: str, x: float, y: float, button: str) -> None:
        count = 0 if kind == "mouseMoved" else 1
        held = 1 if button == "left" and kind != "mouseReleased" else 0
        self._ask(
            "Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, buttons=held, clickCount=count
        )

    def _page(self) -> str:
        targets = self._ask("Target.getTargets")["targetInfos"]
        return next((str(one["targetId"]) for one in targets if one["type"] == "page"), "")

    def _until(self, happened: Callable[[], Any]) -> Any:
        end = time.monotonic() + 60
        while not (found := happened()):
            if time.monotonic() > end:
                raise TimeoutError("the browser did not come to it")
            time.sleep(0.05)
        return found

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = self._send(method, parameters)
        end = time.monotonic() + 60
        while True:
            message = self._next(end)
            if message.get("method") == "Page.javascriptDialogOpening":
                self.said.append(message["params"]["message"])
                self._send("Page.handleJavaScriptDialog", {"accept": True})
            elif message.get("id") == number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                result: dict[str, Any] = message["result"]
                return result

    def _send(self, method: str, parameters: dict[str, Any]) -> int:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        return self._number

    def _next(self, end: float) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            if not select.select([self._from], [], [], max(0, end - time.monotonic()))[0]:
                raise TimeoutError("the browser does not answer")
            piece = os.read(self._from, 1 << 20)
            if not piece:
                raise OSError("the browser has ended")
            self._buffer += piece
        line, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        return message
