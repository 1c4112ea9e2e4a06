"""The first cell of a notebook: versions, device, seed, and figures that can be read on light and dark pages."""

import os
import platform

INK = "#787C80"  # as far from white as from JupyterLab's dark page: a contrast of 4.2 on both


def fast() -> bool:
    """Whether the fast profile is on (LMINDEXER_FAST=1): everything smaller, every check kept. For tests."""
    return os.environ.get("LMINDEXER_FAST", "") not in ("", "0")


def choose(full, quick):
    """`full` for a reader, `quick` in the fast profile.

    >>> choose(full=2000, quick=300) in (2000, 300)
    True
    """
    return quick if fast() else full


def begin(seed: int = 0) -> str:
    """Set seeds and the look of figures, say what runs here; returns the device, "cuda" or "cpu".

    Numbers depend a little on versions and on the machine: what is printed here belongs to what follows.
    """
    import numpy as np
    import torch
    import transformers

    import lmindexer

    torch.manual_seed(seed)
    torch.set_printoptions(precision=3, sci_mode=False, linewidth=110)
    np.set_printoptions(precision=3, suppress=True, linewidth=110)
    _look()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    versions = {
        "lmindexer": lmindexer.__version__,
        "Python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }
    print(" · ".join(f"{name} {version}" for name, version in versions.items()))
    print(f"device {device}, {torch.get_num_threads()} threads · seed {seed} · {'fast' if fast() else 'full'} profile")
    return device


def _look() -> None:
    """A plotly template whose ink stands on white and on near-black; figures as JSON beside which a picture fits."""
    import plotly.graph_objects as go
    import plotly.io as pio

    clear = "rgba(0,0,0,0)"
    pio.templates["course"] = go.layout.Template(
        layout={"font": {"color": INK}, "paper_bgcolor": clear, "plot_bgcolor": clear, "width": 760}
    )
    pio.templates.default = "plotly+course"
    if "colab" not in str(pio.renderers.default):
        pio.renderers.default = "plotly_mimetype"
