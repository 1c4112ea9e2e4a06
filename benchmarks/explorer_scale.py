"""The explorer with a million documents: start, server time of each interaction, memory, message sizes.

    python benchmarks/large_bundle.py FOLDER/large
    python benchmarks/explorer_scale.py FOLDER

Every interaction is run as the server runs it (Streamlit's AppTest, without a browser): the script's wall time and the
bytes of the messages it sends. The start is a fresh process: imports, opening the run, first page (its key words, for
which the page does not wait, are told apart). The bounds are those of the project: start ≤ 3 s, 95th percentile ≤ 1 s,
memory ≤ 2 GiB, messages below Streamlit's 200 MB.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

BOUNDS = {"start": 3.0, "p95": 1.0, "memory": 2.0, "message": 200.0}


def measure(folder: str, run: str) -> dict:
    """Run the interactions in this process; called in a fresh one by `main`."""
    began = time.perf_counter()
    import numpy as np
    from streamlit.runtime.scriptrunner_utils.script_run_context import ScriptRunContext
    from streamlit.testing.v1 import AppTest

    sys.argv = ["app.py", folder]
    sent: list[int] = []
    original = ScriptRunContext.enqueue

    def counted(self, message):
        sent.append(message.ByteSize())
        return original(self, message)

    ScriptRunContext.enqueue = counted
    app = Path(__file__).resolve().parents[1] / "explorer_app" / "app.py"
    test = AppTest.from_file(str(app), default_timeout=120)
    test.query_params["run"] = run
    test.run()
    _check(test, "start")
    rows, start, start_cpu = [], time.perf_counter() - began, time.process_time()
    while any("key words" in caption.value and "still" in caption.value for caption in test.caption):
        time.sleep(0.05)
        test.run()
    named = time.perf_counter() - began
    rng = np.random.default_rng(0)
    for page, query in interactions(rng):
        sent.clear()
        test.session_state["goto"] = (page, {"run": run, **query})
        began, busy = time.perf_counter(), time.process_time()
        test.run()
        row = {"page": page, "query": query, "seconds": time.perf_counter() - began}
        _check(test, f"{page} {query}")
        rows.append(row | {"cpu": time.process_time() - busy, "megabytes": max(sent) / 1e6})
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "start": start,
        "named": named,
        "start_cpu": start_cpu,
        "rows": rows,
        "memory": peak / 2**20 if sys.platform != "darwin" else peak / 2**30,
    }


def interactions(rng) -> list[tuple[str, dict]]:
    """What a person does on the pages, in the order in which one would."""
    found = [("overview", {"level": "2"}), ("overview", {"shape": "sunburst"})]
    for code in rng.integers(0, 60, 4):
        found += [("overview", {"prefix": str(code)}), ("prefixes", {"prefix": str(code)})]
        found += [("prefixes", {"prefix": str(code), "level": level}) for level in ("2", "3")]
        found += [("prefixes", {"prefix": str(code), "from": "200"})]
    found += [("prefixes", {"prefix": "1.8"}), ("prefixes", {"prefix": "1.8", "shares": "1"})]
    found += [("prefixes", {"q": "d0777"}), ("prefixes", {"q": "zzz"}), ("prefixes", {"prefix": "3", "q": "bab"})]
    found += [("prefixes", {"q": "balbad", "intext": "1"})]
    for row in rng.integers(0, 10**6, 4):
        name = f"d{row:07d}"
        found += [("document", {"doc": name}), ("document", {"doc": name, "siblings": "1"})]
    found += [("document", {"find": "d0123"}), ("document", {"find": "nothing like it"})]
    found += [("map", {}), ("map", {"by": "position 1"}), ("map", {"by": "category 2", "prefix": "5"})]
    found += [("collapse", {}), ("collapse", {"position": "2"}), ("collapse", {"position": "3", "inorder": "1"})]
    return found


def _check(test, what: str) -> None:
    if test.exception:
        raise SystemExit(f"{what}: {test.exception[0].value}")


def report(found: dict) -> bool:
    """Print the table and the verdict; False when a bound is broken."""
    seconds = sorted(row["seconds"] for row in found["rows"])
    p95 = seconds[min(int(0.95 * len(seconds)), len(seconds) - 1)]
    by_page: dict[str, list[dict]] = {}
    for row in found["rows"]:
        by_page.setdefault(row["page"], []).append(row)
    print(f"{'page':<12}{'times':>6}{'median s':>10}{'max s':>8}{'max CPU s':>11}{'MB':>8}   slowest")
    for page, rows in by_page.items():
        slowest = max(rows, key=lambda row: row["seconds"])
        middle = sorted(row["seconds"] for row in rows)[len(rows) // 2]
        cpu, size = (max(row[name] for row in rows) for name in ("cpu", "megabytes"))
        numbers = f"{len(rows):>6}{middle:>10.2f}{slowest['seconds']:>8.2f}{cpu:>11.2f}{size:>8.1f}"
        print(f"{page:<12}{numbers}   {json.dumps(slowest['query'])}")
    message = max(row["megabytes"] for row in found["rows"])
    values = {"start": found["start"], "p95": p95, "memory": found["memory"], "message": message}
    units = {"start": "s", "p95": "s", "memory": "GiB", "message": "MB"}
    print()
    for name, bound in BOUNDS.items():
        kept = "kept" if values[name] <= bound else "BROKEN"
        print(f"{name:<10}{values[name]:>8.2f} {units[name]:<4} bound {bound:g} {units[name]}: {kept}")
    print(f"The key words of the first page are there after {found['named']:.2f} s.")
    busy = sorted(row["cpu"] for row in found["rows"])
    print(
        f"CPU time, which a busy machine does not lengthen: start {found['start_cpu']:.2f} s, "
        f"95th percentile {busy[min(int(0.95 * len(busy)), len(busy) - 1)]:.2f} s"
    )
    print(f"{len(seconds)} interactions on {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    return all(values[name] <= bound for name, bound in BOUNDS.items())


def main() -> None:
    """Measure in a fresh process, so that the start and the memory are those of the app alone."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", help="the folder that holds the run")
    parser.add_argument("--run", default="large")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.here:
        print("RESULT " + json.dumps(measure(given.folder, given.run)))
        return
    words = [sys.executable, __file__, given.folder, "--run", given.run, "--here"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if not lines:
        sys.exit(done.stderr[-3000:])
    sys.exit(0 if report(json.loads(lines[0].removeprefix("RESULT "))) else 1)


if __name__ == "__main__":
    main()
