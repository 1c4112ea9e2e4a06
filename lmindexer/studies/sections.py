"""The tables of each study's report."""

import numpy as np
import pandas as pd

from lmindexer.studies import agreement, slides
from lmindexer.studies.catalogue import (
    COMMITMENT_OFF,
    CONTINUOUS_OFF,
    CONTRASTIVE_OFF,
    FORMS,
    WARMUP_OFF,
)
from lmindexer.studies.tables import Column, markdown, mean_sd, means_table, one_code, part, settings_of, title

SWEEP = (
    Column("ami_c1", "AMI c1"),
    Column("ami_c1c2", "AMI c1c2"),
    Column("perplexity_c1", "perplexity c1", 1),
    Column("within_c2", "within c1", 1),
    Column("prefixes_c1c2", "c1c2 prefixes", 0),
    Column("prefixes_c1c2c3", "c1c2c3 prefixes", 0),
    Column("unique_share", "unique share"),
    Column("colliding_documents", "colliding documents", 0),
    Column("largest_group", "largest collision", 0),
    Column("id_consistency", "ID consistency"),
    Column("seconds", "seconds", 0, False),
    Column("embedding_seconds", "embedding, seconds", 0, False),
)
# figure → (what is asked, switched off, quantity by position, heading)
FIGURES = {
    "a": ("reconstructor warm-up", WARMUP_OFF, "macro_f1", "Macro-F1"),
    "b": ("continuous stage", CONTINUOUS_OFF, "trained_perplexity", "perplexity"),
    "c": ("continuous stage", CONTINUOUS_OFF, "macro_f1", "Macro-F1"),
    "d": ("contrastive loss", CONTRASTIVE_OFF, "trained_perplexity", "perplexity"),
    "e": ("contrastive loss", CONTRASTIVE_OFF, "trained_diff_ratio", "diff ratio"),
}
DIGITS = {"macro_f1": 5}  # a Macro-F1 over all words of a corpus may be small


def sections(result) -> list[str]:
    """The sections of a study's report, as Markdown."""
    name = result.study.name
    if name.startswith("table1"):
        return agreement.sections(result)
    if name == "training":
        return _training(result)
    if name == "commitment":
        return _commitment(result)
    if name == "layers":
        return [*_sweep(result), _layers_note()]
    return _sweep(result)


def _sweep(result) -> list[str]:
    frame, labels = result.frame(), [method.label for method in result.study.methods]
    found = []
    for corpus, text in settings_of(frame):
        some = part(frame, corpus, text)
        found.append(f"## {title(corpus, text)}\n\n{means_table(some, labels, SWEEP)}")
        found += filter(None, [one_code(some), _untimed(some)])
    return found


def _untimed(frame: pd.DataFrame) -> str:
    """Why a table has no column of seconds."""
    if frame["seconds"].notna().any():
        return ""
    return (
        "There is no column of seconds: these runs were noted before learning and embedding were timed apart, and the "
        "one number they have holds both, with or without what a cache had."
    )


def _training(result) -> list[str]:
    frame = result.frame()
    head = (
        "Each figure is one switch: what the quantity is at the end of the discrete stage with it and without it. The "
        "slides report more with it in every figure; *as in the slides* says whether the mean is higher with it here, "
        "and asks that the paired difference over seeds be more than its standard error."
    )
    found = [head]
    for corpus, text in settings_of(frame):
        rows = []
        for figure, (what, off, quantity, heading) in FIGURES.items():
            rows += switch_rows(part(frame, corpus, text), f"({figure}) {what}", off, quantity, heading)
        curves = curve_rows(part(result.history(), corpus, text))
        found.append(f"## {title(corpus, text)}\n\n{markdown(_SWITCH_HEADING, rows)}")
        found.append(f"Epoch by epoch of the discrete stage, means over seeds:\n\n{markdown(_CURVE_HEADING, curves)}")
    return found


_CURVE_HEADING = ["figure", "form", "position", "with, epoch 1, 2, …", "without"]


def curve_rows(history: pd.DataFrame) -> list[list]:
    """The curves of the figures: a line each figure, form and position, with the means of each epoch."""
    discrete = history[history["stage"] == "discrete"]
    seeds = discrete.groupby("label")["seed"].agg(set).to_dict()
    rows = []
    for figure, (_, off, quantity, heading) in FIGURES.items():
        name = quantity.removeprefix("trained_")
        for form in FORMS:
            both = [form, f"{form}, {off}"]
            shared = set.intersection(*(seeds.get(label, set()) for label in both))
            own = discrete[discrete["seed"].isin(shared)]
            means = [own[own["label"] == label].groupby(["position", "epoch"])[name].mean() for label in both]
            if any(one.dropna().empty for one in means):
                continue
            for position in means[0].index.get_level_values("position").unique():
                curves = [one.get(position, pd.Series(dtype=float)).dropna() for one in means]
                if all(len(curve) for curve in curves):
                    digits = DIGITS.get(name, 3)
                    cells = [", ".join(f"{value:.{digits}f}" for value in curve) for curve in curves]
                    rows.append([f"({figure}) {heading}", form, position, *cells])
    return rows


def _commitment(result) -> list[str]:
    frame, found = result.frame(), []
    for corpus, text in settings_of(frame):
        some = part(frame, corpus, text)
        rows = switch_rows(some, "commitment loss", COMMITMENT_OFF, "trained_perplexity", "perplexity")
        rows += switch_rows(some, "commitment loss", COMMITMENT_OFF, "id_consistency", "ID consistency", False)
        found.append(f"## {title(corpus, text)}\n\n{markdown(_SWITCH_HEADING, rows)}")
    theirs = [[name, *(f"{value:.2f}" for value in values)] for name, values in slides.TABLE2.items()]
    note = "Perplexity of the position that is trained, K = 512, T5-base on a GPU; the quantity is not labelled there."
    slides_table = markdown(["", "Sports", "Toys", "Beauty"], theirs)
    return [*found, f"## The slides' Table 2\n\n{note}\n\n{slides_table}"]


def _layers_note() -> str:
    rows = [[layers, f"{ami:.4f}"] for layers, ami in slides.TABLE5.items()]
    note = (
        "Beauty, K = 512. In the released code a target word leaks past its own mask from the second layer on, so "
        "their fall need not be one of a reconstructor that is too strong. Here every layer reads the same masked "
        "words, so nothing leaks."
    )
    return f"## The slides' Table 5\n\n{note}\n\n{markdown(['layers', 'AMI'], rows)}"


_SWITCH_HEADING = [
    "switch",
    "form",
    "position",
    "quantity",
    "seeds",
    "with",
    "without",
    "difference",
    "as in the slides",
]


def switch_rows(
    frame: pd.DataFrame, what: str, off: str, quantity: str, heading: str, by_position: bool = True
) -> list[list]:
    """Lines for one switch: each form of the method and each position, paired by seed."""
    names = [c for c in frame if c.startswith(f"{quantity}_c")] if by_position else [quantity]
    rows, digits = [], DIGITS.get(quantity, 3)
    for form in FORMS:
        on, without = (frame[frame["label"] == label].set_index("seed") for label in (form, f"{form}, {off}"))
        seeds = on.index.intersection(without.index)
        for name in sorted(set(names) & set(frame.columns)):
            a, b = on.loc[seeds, name].astype(float), without.loc[seeds, name].astype(float)
            kept = (a - b).dropna()
            if len(kept):
                place = name.rsplit("_c", 1)[-1] if by_position else "all"
                cells = [mean_sd(values, digits) for values in (a[kept.index], b[kept.index], kept)]
                rows.append([what, form, place, heading, len(kept), *cells, verdict(kept.to_numpy())])
    return rows


def verdict(differences: np.ndarray) -> str:
    """Whether it is higher with the switch on, by more than a standard error of the paired differences.

    >>> verdict(np.array([0.1, 0.2, 0.3])), verdict(np.array([-1.0, 0.9])), verdict(np.array([-2.0, -3.0]))
    ('yes', 'undecided', '**no**')
    """
    mean = differences.mean()
    error = differences.std(ddof=1) / len(differences) ** 0.5 if len(differences) > 1 else np.inf
    if abs(mean) <= error:
        return "undecided"
    return "yes" if mean > 0 else "**no**"
