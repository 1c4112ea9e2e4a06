"""A picture: does the agreement of IDs with the categories foretell how well they are searched by?

    python benchmarks/ami_figure.py runs/studies/search/wordnet docs/images/search_ami.webp

The runs of a folder that answer by IDs, one point each, as the explorer's page Task results draws them. A chromium
(/usr/bin/chromium, or the one in LMINDEXER_CHROMIUM) takes the picture.
"""

import argparse
import io
from pathlib import Path

from explorer_browser import CHROMIUM

from lmindexer import plots
from lmindexer.browse import task_methods
from lmindexer.runs.task_run import TaskRun
from lmindexer.tasks import load_task_model


def main(given) -> None:
    """Measure the runs, draw them, keep the picture as WebP."""
    from PIL import Image
    from playwright.sync_api import sync_playwright

    runs = {
        path.name: TaskRun.open(path) for path in sorted(given.runs.iterdir()) if path.name.split("-")[0] in given.ids
    }
    models = {key: load_task_model(given.runs / key) for key in runs}
    rows = task_methods.ids_and_metric(task_methods.measured(runs), models, "all", 1, 1)
    rows["method"] = rows["method"].str.removesuffix(", rows of the node")
    figure = plots.agreement_metric(rows, given.metric, "c1 with level 1").update_layout(
        width=760, paper_bgcolor="white"
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 800, "height": 900})
        tab.set_content(figure.to_html(include_plotlyjs=True))
        drawn = tab.locator(".main-svg").first
        drawn.wait_for()
        with Image.open(io.BytesIO(tab.screenshot(clip=drawn.bounding_box()))) as picture:
            picture.convert("RGB").save(given.picture, quality=90)
        browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path, help="a folder of runs of `lmindexer bench search`")
    parser.add_argument("picture", type=Path)
    parser.add_argument("--metric", default="NDCG@10")
    parser.add_argument("--ids", nargs="+", default=["lm", "rqvae", "hc", "kmeans", "random"], help="which lines")
    main(parser.parse_args())
