"""The README's picture, made by the project itself: `make screenshot` while `make demo` runs.

Opens the demo's new clip as an annotator and keeps what the workbench shows, with the proposals drawn over the frame.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import django
from PIL import Image
from playwright.sync_api import sync_playwright

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from frontend.demo import PASSWORD  # noqa: E402

TARGET = Path(__file__).resolve().parents[2] / "frontend" / "workbench.png"
FRAME = 45


def main(url: str) -> None:
    chromium = os.environ.get("LOUPE_CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"{url}/login/")
        page.fill("input[name=username]", "ana")
        page.fill("input[name=password]", PASSWORD)
        page.press("input[name=password]", "Enter")
        page.wait_for_url(f"{url}/")
        page.goto(f"{url}/projects/demo/")
        # Made a second time the task is in hand already, and the button says so.
        page.get_by_role("button", name=re.compile("Take the next task|Go on with your task")).first.click()
        page.wait_for_selector("body[data-ready]")
        page.fill("#frame-number", str(FRAME))
        page.press("#frame-number", "Enter")
        page.wait_for_selector(f'#stage[data-frame="{FRAME}"][data-exact="true"][data-proposals="drawn"]')
        page.wait_for_selector("#notice", state="hidden")
        page.wait_for_load_state("networkidle")
        page.screenshot(path=TARGET)
        browser.close()
    # A README is read over slow lines. Six bits a channel keep every hue, which a palette of 256 colours does not.
    with Image.open(TARGET) as picture:
        picture.convert("RGB").point(lambda value: value & 0xFC).save(TARGET, optimize=True)
    sys.stdout.write(f"{TARGET}\n")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000")
