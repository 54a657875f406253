"""A headless Chromium, driven by its own protocol through a pipe, for tests of pages and for pictures."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
PROGRAM = next(filter(None, map(shutil.which, NAMES)), "")  # "": there is none
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-pipe", "--window-size=1200,900"),
)
SECONDS = 90.0  # that a busy machine may take for an answer


class Browser:
    """One page in a browser of its own. `said`: what the page told by alert(), which is answered with OK;
    `troubles`: what its console said of errors, and what it fetched."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.troubles: list[str] = []
        self._buffer, self._count, self._session = b"", 0, ""
        self._events: list[str] = []
        self._home = tempfile.mkdtemp(prefix="browser-", dir="/tmp")  # its sockets want a short path
        theirs_in, self._to = os.pipe()
        self._from, theirs_out = os.pipe()

        def place() -> None:  # the browser reads from 3 and writes to 4
            high = os.dup(theirs_in), os.dup(theirs_out)
            spare = [os.dup(fd) for fd in high]
            os.dup2(spare[0], 3)
            os.dup2(spare[1], 4)

        self._process = subprocess.Popen(
            [PROGRAM, *FLAGS, f"--user-data-dir={self._home}/profile", "about:blank"],
            env={**os.environ, "HOME": self._home, "TMPDIR": self._home},
            preexec_fn=place,
            close_fds=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        target = self._until(self._page)
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends it, and all its processes."""
        session, self._session = self._session, ""
        try:
            self.ask("Browser.close")
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
        self.ask("Page.navigate", url=address)
        self.until(
            f"location.href == {json.dumps(address)} && document.readyState == 'complete' && ({ready})"
        )

    def show(self, page: Path, width: int = 1100, dark: bool = False, touch: bool = False) -> None:
        """Opens a page in a window of that width."""
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=touch,
        )
        self.ask("Emulation.setTouchEmulationEnabled", enabled=touch)
        self.scheme(dark)
        self._events.clear()
        self.ask("Page.navigate", url=page.as_uri())
        while "Page.loadEventFired" not in self._events:
            self._next()

    def scheme(self, dark: bool) -> None:
        """As a dark or a light desktop asks for."""
        feature = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[feature])

    def run(self, script: str) -> Any:
        """The value of some JavaScript in the page."""
        answer = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
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
        self.ask("Input.insertText", text=text)

    def key(self, key: str, code: int = 0) -> None:
        """Presses a key, by its name, and by its old number where the page asks for that."""
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def hover(self, x: float, y: float) -> None:
        """The mouse goes there."""
        self.ask("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def tap(self, x: float, y: float) -> None:
        """A finger touches there."""
        self.ask("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
        self.ask("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def picture(self, file: Path, top: float = 0, height: float | None = None) -> None:
        """The page as a PNG, whole or from `top` on."""
        size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
        clip = {
            "x": 0,
            "y": top,
            "width": size["width"],
            "height": height or size["height"] - top,
            "scale": 1,
        }
        shot = self.ask("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(shot["data"]))

    def paper(self, file: Path) -> None:
        """The page as a PDF, as it is printed."""
        file.write_bytes(base64.b64decode(self.ask("Page.printToPDF", printBackground=True)["data"]))

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command, and its answer. Raises RuntimeError, TimeoutError or OSError."""
        number = self._send(method, parameters)
        while True:
            answer = self._next()
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result

    def _mouse(self, kind: str, x: float, y: float, button: str) -> None:
        count = 0 if kind == "mouseMoved" else 1
        held = 1 if button == "left" and kind != "mouseReleased" else 0
        self.ask(
            "Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, buttons=held, clickCount=count
        )

    def _page(self) -> str:
        targets = self.ask("Target.getTargets")["targetInfos"]
        return next((str(one["targetId"]) for one in targets if one["type"] == "page"), "")

    def _until(self, happened: Callable[[], Any]) -> Any:
        end = time.monotonic() + SECONDS
        while not (found := happened()):
            if time.monotonic() > end:
                raise TimeoutError("the browser did not come to it")
            time.sleep(0.05)
        return found

    def _send(self, method: str, parameters: dict[str, Any]) -> int:
        self._count += 1
        message: dict[str, Any] = {"id": self._count, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        return self._count

    def _next(self) -> dict[str, Any]:
        end = time.monotonic() + SECONDS
        while b"\0" not in self._buffer:
            if not select.select([self._from], [], [], max(0, end - time.monotonic()))[0]:
                raise TimeoutError("the browser does not answer")
            piece = os.read(self._from, 1 << 20)
            if not piece:
                raise OSError("the browser has ended")
            self._buffer += piece
        line, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        self._note(message.get("method", ""), message.get("params", {}))
        return message

    def _note(self, method: str, told: dict[str, Any]) -> None:
        self._events.append(method)
        if method == "Page.javascriptDialogOpening":
            self.said.append(told["message"])
            self._send("Page.handleJavaScriptDialog", {"accept": True})
        elif method == "Runtime.exceptionThrown":
            self.troubles.append(json.dumps(told["exceptionDetails"])[:500])
        elif method == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"):
            self.troubles.append(told["entry"]["text"])
        elif method == "Runtime.consoleAPICalled" and told["type"] in ("error", "warning", "assert"):
            self.troubles.append(json.dumps(told["args"])[:500])
        elif method == "Network.requestWillBeSent" and not told["request"]["url"].startswith(
            ("file:", "data:")
        ):
            self.troubles.append(f"fetches {told['request']['url']}")
