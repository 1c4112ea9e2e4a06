"""Table 1's sections: AMI of c1 and c1c2, what is compared with what, and the targets."""

import numpy as np
import pandas as pd

from lmindexer.quality import Comparison, category_agreement, compare_methods, merged_classes
from lmindexer.studies import slides
from lmindexer.studies.catalogue import OURS, SLIDES_FORM
from lmindexer.studies.plan import Run
from lmindexer.studies.tables import Column, leaf_level, markdown, means_table, part, settings_of, title

FIRST = (
    Column("ami_c1", "AMI, leaf"),
    Column("nmi_c1", "NMI", 3, False),
    Column("homogeneity_c1", "homogeneity", 3, False),
    Column("completeness_c1", "completeness", 3, False),
    Column("purity_c1", "purity", 3, False),
    Column("perplexity_c1", "perplexity", 1),
    Column("prefixes_c1", "codes", 0, False),
    Column("neighbours_c1", "neighbours", 3, False),
    Column("seconds", "seconds", 0, False),
)
SECOND = (
    Column("prefixes_c1c2", "c1c2 prefixes", 0),
    Column("ami_c1c2", "AMI c1c2"),
    Column("within_c2", "perplexity within c1", 1),
    Column("neighbours_c1c2", "neighbours", 3, False),
    Column("prefixes_c1c2c3", "c1c2c3 prefixes", 0),
    Column("unique_share", "unique share"),
    Column("largest_group", "largest collision", 0, False),
)
TARGETS = {True: 1.25, False: 1.10}  # of LMIndexer's AMI(c1, leaf) over the best two-step method's
ENOUGH = 0.9  # share of the other's perplexity that LMIndexer's must have: not better by fewer codes
LIKE = 0.1  # numbers of distinct prefixes that differ by no more may be compared
EXPLAINED = """\
How to read it. *AMI* is with the leaf category, documents without one left out; 0 is chance. The leaf is the whole \
category path, or, where most documents have a path of their own (ATT&CK), the deepest level that has two documents a \
class. NMI, homogeneity, \
completeness and purity are not corrected for the number of codes: compare them at like perplexity only. *neighbours* \
is the share of a document's 10 nearest by mean-pooled MiniLM that have its code; a clustering of these very \
embeddings has an advantage there, and few codes raise it. *perplexity* says how many codes are in use, as if all \
were used alike. *seconds* are of the whole run, beside whatever else the machine did."""
UNLIKE_SIZES = """\
**Unlike numbers of codes.** As on the slides, c1 has 512 values, 256 or 50 here, and AMI charges for codes that part \
a class: 512 codes for fewer classes must part some, 50 codes need not. A difference between lines of unlike \
perplexity may be K's and not the method's; Table 1 at equal K compares methods. An HC of the slides ends in \
leaves of up to 512 documents: where an ID ends at c1 it has no c1c2, and only its suffix tells it apart from the \
others of the leaf."""


def sections(result) -> list[str]:
    """One section a corpus and text, then the targets and the slides' numbers."""
    frame, kinds = result.frame(), {m.label: m.kind for m in result.study.methods}
    equal = result.study.name == "table1"
    found, targets = [EXPLAINED if equal else f"{EXPLAINED}\n\n{UNLIKE_SIZES}"], []
    if "ami_c1" in frame:
        found.append(overview(frame, list(kinds)))
    for corpus, text in settings_of(frame):
        some = part(frame, corpus, text)
        found += [f"## {title(corpus, text)}", *_tables(some, list(kinds), corpus, result)]
        compared = comparisons(result, corpus, text)
        if compared:
            found.append(_compared(compared, result.study.corpora[corpus]))
        targets += target_rows(some, kinds, corpus, text, leaf_labels(result.study.corpora[corpus]))
    if targets and equal:
        found.insert(1, _targets(targets))
    theirs = _slides(frame)
    return [*found, theirs] if theirs else found


def overview(frame: pd.DataFrame, labels: list[str]) -> str:
    """The AMI of c1 with the leaf of every method, corpus and text, means over seeds, in one table."""
    settings = settings_of(frame)
    finished = set(frame["label"])
    rows = []
    for label in (label for label in labels if label in finished):
        some = [part(frame[frame["label"] == label], *setting)["ami_c1"].dropna() for setting in settings]
        rows.append([label, *(_mean_of_seeds(values) for values in some)])
    heading = ["method", *(f"{corpus}, {'with' if text else 'without'}" for corpus, text in settings)]
    note = "AMI of c1 with the leaf, with and without category text, mean over seeds (in brackets if fewer than three)."
    return f"## In one table\n\n{note}\n\n{markdown(heading, rows)}"


def _mean_of_seeds(values: pd.Series) -> str:
    if not len(values):
        return "-"
    return f"{values.mean():z.3f}" + (f" ({len(values)})" if len(values) < 3 else "")


def _tables(frame: pd.DataFrame, labels: list[str], corpus: str, result) -> list[str]:
    documents = result.study.corpora[corpus]
    classes = {level: len(set(documents.labels(level)) - {""}) for level in range(1, documents.levels + 1)}
    by_level = [
        [Column(f"ami_{prefix}_level{n}", f"{n} ({size} classes)", 3, False) for n, size in classes.items()]
        for prefix in ("c1", "c1c2")
    ]
    like = _like(frame, labels)
    found = [
        f"### c1\n\n{means_table(frame, labels, FIRST)}",
        f"### c1c2, and the whole ID\n\nAn AMI of c1c2 compares only between like numbers of prefixes.{like}\n\n"
        + means_table(frame, labels, SECOND),
    ]
    if len(classes) > 1:
        for name, columns in zip(("c1", "c1c2"), by_level, strict=True):
            found.append(f"### AMI of {name} with each category level\n\n{means_table(frame, labels, columns)}")
    return found


def _like(frame: pd.DataFrame, labels: list[str]) -> str:
    """Which methods have about as many c1c2 prefixes as LMIndexer, in words."""
    if "prefixes_c1c2" not in frame:
        return ""
    counts = frame.groupby("label")["prefixes_c1c2"].mean().dropna()
    first = _first(labels)
    if first not in counts:
        return ""
    near = [n for n in labels if n != first and n in counts and like(counts[first], counts[n])]
    named = "; ".join(near) if near else "none"
    return f" Within {LIKE:.0%} of {first}'s number: {named}."


def like(one: float, other: float) -> bool:
    """Whether two numbers of distinct prefixes are near enough for their AMIs to be compared.

    >>> like(1000, 1090), like(1000, 1200)
    (True, False)
    """
    return abs(one - other) <= LIKE * max(one, other)


def _first(labels: list[str]) -> str:
    """The label of LMIndexer's own form."""
    return next((label for label in labels if label.startswith(OURS) and not label.startswith(SLIDES_FORM)), labels[0])


# ---- comparisons -----------------------------------------------------------------------------------------------


def comparisons(result, corpus: str, category_text: bool) -> list[Comparison]:
    """LMIndexer's AMI(c1, leaf) against each other method's, on the seeds that both have finished."""
    study = result.study
    codes: dict[str, dict[int, np.ndarray]] = {}
    for one in result.found:
        run = Run(**one["run"])
        if (run.corpus, run.category_text) == (corpus, category_text):
            codes.setdefault(run.label, {})[run.seed] = result.codes(run)[:, 0]
    ours = _first([method.label for method in study.methods])
    if ours not in codes or len(codes) < 2:
        return []
    labels = leaf_labels(study.corpora[corpus])
    if not (labels != "").any():
        return []
    shared = {name: sorted(set(seeds) & set(codes[ours])) for name, seeds in codes.items()}
    given = {name: [codes[name][s] for s in seeds] for name, seeds in shared.items() if seeds}
    ordered = {m.label: given[m.label] for m in study.methods if m.label in given}
    return compare_methods(labels, ordered, ours) if len(ordered) > 1 else []


def leaf_labels(corpus) -> np.ndarray:
    """[N] label of each document at the level that AMI is asked of (`tables.leaf_level`), "" without one."""
    by_level = {level: corpus.labels(level) for level in range(1, corpus.levels + 1)}
    if not by_level:
        return corpus.labels()
    classes = {level: len(set(labels) - {""}) for level, labels in by_level.items()}
    return by_level[leaf_level(classes, int((by_level[1] != "").sum()))]


def _compared(found: list[Comparison], corpus) -> str:
    rows = [
        [f"{c.first} - {c.second}", f"{c.difference:+.3f}", f"{c.low:+.3f} to {c.high:+.3f}", _p(c.p), _p(c.p_holm)]
        for c in found
    ]
    heading = ["AMI of c1, leaf", "difference", "95 % interval", "p", "p, Holm"]
    labelled = int((corpus.labels() != "").sum())
    note = (
        f"Paired over the {labelled:,} documents that have a category, means over the seeds both have: 500 bootstrap "
        "draws for the interval, 10,000 sign flips of each document's contribution for p, Holm's correction within "
        "this table. They speak of other documents, not of other seeds."
    )
    return f"### Paired comparisons\n\n{note}\n\n{markdown(heading, rows)}"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


# ---- targets and the slides ------------------------------------------------------------------------------------


def target_rows(
    frame: pd.DataFrame, kinds: dict[str, str], corpus: str, category_text: bool, labels: np.ndarray
) -> list[list]:
    """LMIndexer over the best two-step method: ratio of mean AMI, ratio of perplexity, met or missed.

    Beside it, without a target: the ratio that the categories themselves reach (`merged_classes`) with as many codes,
    and the ratio over the best control but random and the true categories.
    """
    means = frame.groupby("label")[["ami_c1", "perplexity_c1", "prefixes_c1"]].mean()
    seeds = frame.groupby("label")["seed"].nunique()
    two_step = [label for label, kind in kinds.items() if kind == "two-step" and label in means.index]
    rows = []
    for ours in (label for label, kind in kinds.items() if kind == "lmindexer" and label in means.index):
        if not two_step or pd.isna(means.loc[ours, "ami_c1"]):
            continue
        best = means.loc[two_step, "ami_c1"].idxmax()
        ratio = means.loc[ours, "ami_c1"] / means.loc[best, "ami_c1"]
        share = means.loc[ours, "perplexity_c1"] / means.loc[best, "perplexity_c1"]
        met = ratio >= TARGETS[category_text] and share >= ENOUGH
        absent = sum(kind == "two-step" for kind in kinds.values()) - len(two_step)
        few = seeds[ours] < 3 or seeds[best] < 3 or absent
        said = ("met" if met else "**missed**") + (" so far" if few else "")
        reach = category_agreement(labels, merged_classes(labels, round(means.loc[ours, "prefixes_c1"]))).ami
        others = [n for n, kind in kinds.items() if kind == "control" and n in means.index and n != "true categories"]
        control = means.loc[others, "ami_c1"].idxmax() if others else None
        beside = (
            "-" if control is None else f"{control}: {means.loc[ours, 'ami_c1'] / means.loc[control, 'ami_c1']:.2f}"
        )
        rows.append([corpus, "with" if category_text else "without", ours, best, f"{ratio:.2f}",
                     f"{TARGETS[category_text]:.2f}", f"{share:.2f}", said, f"{reach / means.loc[best, 'ami_c1']:.2f}",
                     beside])  # fmt: skip
    return rows


def _targets(rows: list[list]) -> str:
    heading = ["corpus", "category text", "form", "best two-step method", "AMI ratio", "target", "perplexity ratio"]
    note = (
        "AMI of c1 with the leaf, mean over seeds, over that of the best two-step method (rq-VAE, HC, residual "
        f"k-means). *Met* asks for the ratio and for a perplexity of at least {ENOUGH:.0%} of that method's. *so far*: "
        "fewer than three seeds, or a two-step method is still to be run. *Leaves merged*: the ratio that the true "
        "leaf categories reach themselves when they are merged, smallest first, into as many groups as LMIndexer uses "
        "codes; a target above it asks for more than the categories themselves give. The last column is against the "
        "best control, which has no target."
    )
    return f"## Targets\n\n{note}\n\n{markdown([*heading, 'met', 'leaves merged', 'over the best control'], rows)}"


def _slides(frame: pd.DataFrame) -> str:
    """The slides' Table 1 for the corpora that both have."""
    found = []
    for corpus, numbers in slides.TABLE1.items():
        ours = frame[(frame["corpus"] == corpus) & frame["category_text"]]
        if len(ours):
            rows = [[name, f"{value:.4f}"] for name, value in numbers.items()]
            found.append(f"### {corpus}\n\n{markdown(['slides', 'AMI'], rows)}")
    return "## The slides' numbers\n\n" + "\n\n".join(found) if found else ""
