"""A real browser for tests: Debian's chromium, spoken to through chromedriver in W3C WebDriver, without any library.

Only what the tests of the review page need is here: keys, scripts, media, screenshots, and what the browser logged.
"""

import base64
import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final

__all__ = ["AXE", "Browser", "open_browser"]

AXE: Final = Path(__file__).resolve().parents[3] / ".browser" / "node_modules" / "axe-core" / "axe.min.js"
"""Where `make test-browser` puts axe-core."""

ANSWER_TIMEOUT = 60.0
"""Seconds that one command may take."""

KEYS: Final = {
    "Tab": "\ue004",
    "Enter": "\ue007",
    "Escape": "\ue00c",
    "End": "\ue010",
    "Home": "\ue011",
    "ArrowLeft": "\ue012",
    "ArrowUp": "\ue013",
    "ArrowRight": "\ue014",
    "ArrowDown": "\ue015",
}
_OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
)


class Browser:
    """One window.

    Every command waits for its answer, or raises after `ANSWER_TIMEOUT` seconds.
    """

    def __init__(self, port: int, chromium: str) -> None:
        self._port = port
        wanted = {
            "goog:chromeOptions": {"binary": chromium, "args": list(_OPTIONS)},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }
        self._session = ""
        self._session = (
            "/session/" + self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]
        )

    def open(self, page: Path, fragment: str = "") -> None:
        """Load a page from the disk, anew."""
        self._call("POST", "/url", {"url": "about:blank"})
        self._call("POST", "/url", {"url": page.resolve().as_uri() + fragment})

    def go(self, address: str) -> None:
        """Load a page from a server."""
        self._call("POST", "/url", {"url": address})

    def size(self, width: int, height: int) -> None:
        """Lay the page out as on a screen of this size, in CSS pixels."""
        self.cdp(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )

    def media(self, **features: str) -> None:
        """Pretend media features, `prefers_color_scheme="dark"`; those not named are as the system has them."""
        named = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.cdp("Emulation.setEmulatedMedia", features=named)

    def cdp(self, command: str, **parameters: object) -> Any:
        """One command of the DevTools protocol."""
        return self._call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def run(self, script: str, *arguments: object) -> Any:
        """What a function with this body returns; a promise is waited for."""
        body = {"script": script, "args": list(arguments)}
        return self._call("POST", "/execute/sync", body)

    def until(self, script: str, value: object) -> bool:
        """Whether a function with this body returns this value before `ANSWER_TIMEOUT` has passed.

        A page that is exchanged for another under the question is asked again.
        """
        deadline = time.monotonic() + ANSWER_TIMEOUT
        while time.monotonic() < deadline:
            try:
                if self.run(script) == value:
                    return True
            except AssertionError as error:
                if not re.search("navigation|context", str(error)):
                    raise
        return False

    def press(self, *keys: str) -> None:
        """Press keys, one after the other: names of `KEYS`, or single letters."""
        codes = [KEYS.get(key, key) for key in keys]
        strokes: list[dict[str, object]] = []
        for code in codes:  # one that comes while the page is still at the one before is lost now and then
            strokes += [{"type": "keyDown", "value": code}, {"type": "keyUp", "value": code}]
            strokes.append({"type": "pause", "duration": 12})
        self._call("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": strokes}]})

    def click(self, selector: str) -> None:
        """Scroll to the first such element and click on its middle."""
        found = self._call("POST", "/element", {"using": "css selector", "value": selector})
        self._call("POST", f"/element/{next(iter(found.values()))}/click", {})

    def screenshot(self, goal: Path) -> None:
        """The window as a PNG."""
        goal.write_bytes(base64.b64decode(self._call("GET", "/screenshot")))

    def complaints(self) -> list[str]:
        """What the browser has warned of since the last question: errors of scripts, of the policy, of loading."""
        entries = self._call("POST", "/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] in {"SEVERE", "WARNING"}]

    def requests(self) -> list[str]:
        """Every address that was asked for since the last question."""
        entries = self._call("POST", "/se/log", {"type": "performance"})
        messages = [json.loads(entry["message"])["message"] for entry in entries]
        sent = [message["params"] for message in messages if message["method"] == "Network.requestWillBeSent"]
        return [parameters["request"]["url"] for parameters in sent]

    def quit(self) -> None:
        """Close the window and end the browser."""
        self._call("DELETE", "")

    def _call(self, method: str, path: str, body: object = None) -> Any:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=ANSWER_TIMEOUT)
        try:
            payload = json.dumps(body if method == "POST" else None) if method == "POST" else None
            connection.request(method, self._session + path, payload, {"Content-Type": "application/json"})
            value = json.loads(connection.getresponse().read())["value"]
        finally:
            connection.close()
        if isinstance(value, dict) and "error" in value:
            raise AssertionError(f"{method} {path}: {value['error']}: {value['message']}")
        return value


@contextmanager
def open_browser() -> Iterator[Browser]:
    """A browser of our own, ended by its process id."""
    chromium, driver = _program("chromium"), _program("chromedriver")
    process = subprocess.Popen([driver, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        browser = Browser(_port_of(process), chromium)
        try:
            yield browser
        finally:
            browser.quit()
    finally:
        process.terminate()
        process.wait(ANSWER_TIMEOUT)
        assert process.stdout is not None
        process.stdout.close()


def _program(name: str) -> str:
    found = shutil.which(name)
    assert found, f"{name} is not on PATH: `apt-get install chromium chromium-driver` brings it (Debian's names)"
    return found


def _port_of(process: "subprocess.Popen[str]") -> int:
    assert process.stdout is not None
    for line in process.stdout:
        if said := re.search(r"started successfully on port (\d+)", line):
            return int(said[1])
    raise AssertionError(f"chromedriver ended with status {process.wait(ANSWER_TIMEOUT)} before it listened")
