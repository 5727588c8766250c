"""A browser for tests that look at pages: nothing of it runs between two calls, so other tests can use asyncio."""

from __future__ import annotations

import asyncio
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]


def find_browser():
    """Returns the path of a Chromium, or None and why there is none."""
    script = CHECKOUT / "scripts" / "find-browser"
    done = subprocess.run([script], capture_output=True, text=True, check=False, timeout=60, env=dict(os.environ))
    return (done.stdout.strip(), "") if done.returncode == 0 else (None, done.stderr.strip())


@dataclass(kw_only=True)
class Page:
    """An open page, with all that it said and asked for."""

    runner: asyncio.Runner
    page: Any
    said: list[str] = field(default_factory=list)
    """Console messages and errors."""
    asked: list[str] = field(default_factory=list)
    """Addresses of all requests."""

    def evaluate(self, script, argument=None):
        return self.runner.run(self.page.evaluate(script, argument))

    def text(self, selector):
        return self.runner.run(self.page.inner_text(selector))

    def texts(self, selector):
        return self.evaluate("s => [...document.querySelectorAll(s)].map(node => node.innerText)", selector)

    def count(self, selector):
        return self.evaluate("s => document.querySelectorAll(s).length", selector)

    def screenshot(self, path):
        self.runner.run(self.page.screenshot(path=path, full_page=True))

    def pdf(self):
        return self.runner.run(self.page.pdf(format="A4"))


class Browser:
    """Opens pages from files."""

    def __init__(self, runner, chromium):
        self._runner, self._chromium = runner, chromium

    def open(self, path, *, width, height=900):
        return self._runner.run(self._open(path, width, height))

    async def _open(self, path, width, height):
        page = await self._chromium.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(100_000)  # many megabytes of script on a busy machine
        opened = Page(runner=self._runner, page=page)
        page.on("console", lambda message: opened.said.append(message.text))
        page.on("pageerror", lambda error: opened.said.append(str(error)))
        page.on("request", lambda request: opened.asked.append(request.url))
        await page.goto(Path(path).as_uri(), wait_until="load")
        return opened

    def close(self, page):
        self._runner.run(page.page.close())
