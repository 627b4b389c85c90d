"""The picture of README.md: the first view of a campaign's review page, as a reviewer sees it.

    python -m experiments.quickstart.picture runs/CAMPAIGN docs/review.png

It opens `report.html` of the campaign's folder in Chromium (Debian: apt-get install chromium) and
keeps what a laptop shows of it, light, in a palette: a small file.
"""

from __future__ import annotations

import argparse
import io
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import ViewportSize, sync_playwright

VIEW: ViewportSize = {"width": 1200, "height": 860}
COLOURS = 256


def picture(page: Path) -> Image.Image:
    """What the window shows once the page has drawn itself."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        shown = browser.new_context(viewport=VIEW, color_scheme="light").new_page()
        shown.goto(page.resolve().as_uri())
        shown.wait_for_selector("html[data-ready]")
        taken = shown.screenshot()
        browser.close()
    return Image.open(io.BytesIO(taken)).convert("RGB")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("campaign", type=Path, help="its folder, which holds report.html")
    parser.add_argument("out", type=Path, help="the PNG")
    words = parser.parse_args()
    few = picture(words.campaign / "report.html").quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(words.out, optimize=True)


if __name__ == "__main__":
    main()
