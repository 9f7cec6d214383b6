"""A real browser for tests, without a driver of its own: Chromium by its DevTools protocol."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium")

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed (Debian: apt install chromium)")


class Browser:
    """Chromium without a head, by its own protocol over two pipes; it can reach no host."""

    def __init__(self, folder: Path):
        self.messages: list[dict[str, Any]] = []
        self._number, self._session, self._rest = 0, None, b""
        ours, theirs = os.pipe(), os.pipe()
        command = f'exec "$@" 3<&{ours[0]} 4>&{theirs[1]}'
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
        options += ["--remote-debugging-pipe", "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={folder}"]
        self._process = subprocess.Popen(
            ["bash", "-c", command, "bash", str(CHROMIUM), *options, "about:blank"],
            pass_fds=(ours[0], theirs[1]),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(ours[0])
        os.close(theirs[1])
        self._out, self._in = ours[1], theirs[0]
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        session = {"sessionId": self._session} if self._session else {}
        os.write(
            self._out, json.dumps({"id": self._number, "method": method, "params": params} | session).encode() + b"\0"
        )
        while True:
            while b"\0" not in self._rest:
                part = os.read(self._in, 1 << 20)
                assert part, "chromium ended"
                self._rest += part
            text, self._rest = self._rest.split(b"\0", 1)
            message: dict[str, Any] = json.loads(text)
            if message.get("id") == self._number:
                assert "error" not in message, message
                return message["result"]
            self.messages.append(message)

    def run(self, expression: str) -> Any:
        actual = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in actual, actual
        return actual["result"].get("value")

    def until(self, expression: str) -> None:
        end = time.monotonic() + 300
        while not self.run(expression):
            assert time.monotonic() < end, expression
            time.sleep(0.05)

    def open(self, page: Path, width: int = 1280, dark: bool = False) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.messages.clear()
        self.call("Page.navigate", url=page.as_uri())
        self.until("document.documentElement?.dataset.drawn")

    def click(self, selector: str) -> None:
        position = f"document.querySelector({json.dumps(selector)})"
        x, y = self.run(
            f"(() => {{ {position}.scrollIntoView({{block: 'center'}}); const box = {position}.getBoundingClientRect();"
            " return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        for kind, button in (("mouseMoved", "none"), ("mousePressed", "left"), ("mouseReleased", "left")):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, clickCount=1)

    def complaints(self) -> list[dict[str, Any]]:
        """What the console was told, and what was asked of the network besides the page itself."""
        told = [m for m in self.messages if m["method"] in ("Runtime.exceptionThrown", "Log.entryAdded")]
        told += [m for m in self.messages if m["method"] == "Runtime.consoleAPICalled" and m["params"]["type"] != "log"]
        asked = [m for m in self.messages if m["method"] == "Network.requestWillBeSent"]
        urls = [m["params"]["request"]["url"] for m in asked]
        return told + [m for m, url in zip(asked, urls, strict=True) if not url.startswith(("file:", "data:", "blob:"))]

    def close(self) -> None:
        self._session = None
        self.call("Browser.close")
        self._process.wait(20)
        os.close(self._out)
        os.close(self._in)
