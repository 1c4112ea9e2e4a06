"""Execute the notebooks and keep them beside their sources: `python notebooks/build.py [00 01 …]`, all without a name.

A source is a Python file in jupytext's percent format; its .ipynb is made here and nowhere else. Interactive figures
get a picture beside them, for GitHub and for mail: Chromium draws it, through playwright, so this script needs both
(LMINDEXER_CHROMIUM names another browser). A reader who runs a notebook needs neither. The seconds of processor time
that a notebook took, on one thread, are written into its row of README.md, and the sum of all, unless LMINDEXER_FAST
is set.
"""

import os
import re
import resource
import sys
from contextlib import contextmanager
from pathlib import Path

import jupytext
from nbclient import NotebookClient

os.environ.setdefault("OMP_NUM_THREADS", "1")  # so that seconds compare, whatever else the machine does
HERE = Path(__file__).parent
CHROMIUM = os.environ.get("LMINDEXER_CHROMIUM", "/usr/bin/chromium")
PLOTLY = "application/vnd.plotly.v1+json"
LIMIT = 600  # seconds a cell may take
WIDTH, HEIGHT = 760, 420  # of a figure that does not say; JupyterLab shows a picture as large as it was drawn
DRAW = """async spec => {
  const url = await Plotly.toImage({data: spec.data, layout: spec.layout},
                                   {format: "png", width: spec.width, height: spec.height});
  return url.split(",")[1];
}"""


def sources(names: list[str]) -> list[Path]:
    """Sources whose names begin with one of `names`; all when there are none."""
    found = [path for path in sorted(HERE.glob("*.py")) if path.name != Path(__file__).name]
    return [path for path in found if not names or any(path.name.startswith(name) for name in names)]


def execute(source: Path):
    """The notebook of a source with its outputs, run in the notebooks' folder by a fresh kernel."""
    notebook = jupytext.read(source)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:03d}"  # the same source gives the same ids
    notebook.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    where = {"metadata": {"path": str(HERE)}}
    # What a cell prints is one output, however the kernel happened to cut it.
    NotebookClient(notebook, timeout=LIMIT, kernel_name="python3", resources=where, coalesce_streams=True).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    return notebook


@contextmanager
def painter():
    """A function from a plotly figure (as JSON) to a PNG in base64."""
    from playwright.sync_api import sync_playwright
    from plotly.offline import get_plotlyjs

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.set_content("<html><body></body></html>")
        page.add_script_tag(content=get_plotlyjs())
        yield lambda spec, size: page.evaluate(DRAW, {"data": spec["data"], "layout": spec["layout"], **size})
        browser.close()


def add_pictures(notebook, paint) -> int:
    """Put a PNG beside every plotly output that has none; returns how many."""
    added = 0
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if PLOTLY in data and "image/png" not in data:
                layout = data[PLOTLY]["layout"]
                size = {"width": layout.get("width", WIDTH), "height": layout.get("height", HEIGHT)}
                data["image/png"] = paint(data[PLOTLY], size)
                output["metadata"]["image/png"] = size
                added += 1
    return added


def processor_time() -> float:
    """Seconds that the kernels that have ended were on a processor."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def record_seconds(name: str, seconds: float) -> None:
    """Write the seconds into the last column of the notebook's row in README.md."""
    page = HERE / "README.md"
    if not page.exists() or os.environ.get("LMINDEXER_FAST", "") not in ("", "0"):
        return
    text = page.read_text(encoding="utf-8")
    row = re.compile(rf"(?m)^(\| \[[^\]\n]*\]\({re.escape(name)}\.ipynb\) \|[^\n]*\|)[^|\n]*\|$")
    page.write_text(with_sum(row.sub(rf"\g<1> {seconds:.0f} s |", text)), encoding="utf-8")


def with_sum(text: str) -> str:
    """The page with the sum of all its seconds in the sentence about the whole course."""
    seconds = sum(int(found) for found in re.findall(r"(?m)\| (\d+) s \|$", text))
    return re.sub(r"\*\*The whole course: [^*]*\*\*", f"**The whole course: {seconds / 60:.1f} minutes**", text)


def main(names: list[str]) -> None:
    with painter() as paint:
        for source in sources(names):
            began = processor_time()
            notebook = execute(source)
            seconds = processor_time() - began
            pictures = add_pictures(notebook, paint)
            target = source.with_suffix(".ipynb")
            aside = target.with_suffix(".part")
            aside.write_text(jupytext.writes(notebook, fmt="ipynb"), encoding="utf-8")
            aside.replace(target)
            record_seconds(source.stem, seconds)
            print(f"{source.stem}: {seconds:.0f} s, {pictures} pictures, {target.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main(sys.argv[1:])
