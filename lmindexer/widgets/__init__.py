"""Widgets for notebooks (ipywidgets), over the same aggregates and figures as the explorer.

Each is one class, shown by being the last line of a cell. Where no kernel answers (a saved notebook, GitHub) the same
object leaves a table in plain HTML instead.

>>> import lmindexer as lmi
>>> run = lmi.Bundle.open(lmi.samples_folder() / "runs" / "attack")
>>> lmi.widgets.PrefixBrowser(run)
PrefixBrowser('attack', 691 documents, at the top)
"""

from lmindexer.common.lazy import lazy_names

_HOME = {  # public name → the module it lives in
    "BeamWalker": "beam_walker",
    "CollapseLab": "collapse_lab",
    "HintMaskViewer": "hint_masks",
    "Labeller": "labelling",
    "PrefixBrowser": "prefix_browser",
    "TreeWalker": "tree_walker",
}

__getattr__, __dir__, __all__ = lazy_names(__name__, _HOME)
