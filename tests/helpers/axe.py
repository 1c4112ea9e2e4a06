"""axe-core in a page that a browser test has open: what it calls serious or critical, in both themes.

Without axe-core nothing is looked at: npm install axe-core, or name its file by LMINDEXER_AXE.
"""

import os
from pathlib import Path

AXE = Path(os.environ.get("LMINDEXER_AXE", Path(__file__).parents[2] / "node_modules/axe-core/axe.min.js"))
_RUN = "axe.run(document, {resultTypes: ['violations']}).then(found => found.violations)"


def serious(tab) -> list:
    """(scheme, rule, the first places) of every serious or critical finding."""
    if not AXE.exists():
        return []
    if not tab.evaluate("'axe' in window"):
        tab.evaluate(AXE.read_text(encoding="utf-8"))
    tab.add_style_tag(content="*, *::before, *::after { transition: none !important }")  # no colour on its way
    found = []
    for scheme in ("dark", "light"):
        tab.emulate_media(color_scheme=scheme)
        tab.wait_for_timeout(600)  # until the page is coloured anew
        found += [
            (scheme, one["id"], [node["html"][:160] for node in one["nodes"]][:3])
            for one in tab.evaluate(_RUN) if one["impact"] in ("serious", "critical")
        ]  # fmt: skip
    return found
