"""The pictures of the explorer in README and docs/images, made anew from the bundled WordNet run.

    python benchmarks/explorer_pictures.py [FOLDER]        # default: docs/images

A chromium (/usr/bin/chromium, or the one in LMINDEXER_CHROMIUM) is driven by Playwright.
"""

import argparse
import io
from pathlib import Path

from explorer_browser import CHROMIUM, PATIENCE, end, serve, settle

PICTURES = {  # name: (page, query, height)
    "overview": ("", "", 1500),
    "prefixes": ("prefixes", "&prefix=3&level=2", 1600),
    "collapse": ("collapse", "&measure=perplexity&measure=macro_f1", 1560),
}


def main() -> None:
    """Open each page, wait until it is drawn, keep it as WebP."""
    from PIL import Image
    from playwright.sync_api import sync_playwright

    from lmindexer.datasets import samples_folder

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    root = Path(__file__).resolve().parents[1]
    parser.add_argument("folder", nargs="?", type=Path, default=root / "docs" / "images")
    folder = parser.parse_args().folder
    server, address = serve(root / "explorer_app" / "app.py", str(samples_folder() / "runs" / "wordnet"))
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            for name, (page, query, height) in PICTURES.items():
                tab = browser.new_page(viewport={"width": 1280, "height": height})
                tab.goto(f"{address}{page}?run=wordnet{query}", timeout=PATIENCE)
                tab.wait_for_selector("h1", timeout=PATIENCE)
                settle(tab)
                with Image.open(io.BytesIO(tab.screenshot())) as picture:
                    picture.convert("RGB").save(folder / f"explorer_{name}.webp", quality=85)
            browser.close()
    finally:
        end(server)


if __name__ == "__main__":
    main()
