"""Table 1's sections: AMI of c1 and c1c2, what is compared with what, and the targets."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from lmindexer.quality import Comparison, category_agreement, compare_methods, merged_classes
from lmindexer.studies import slides
from lmindexer.studies.catalogue import OURS, SLIDES_FORM
from lmindexer.studies.plan import Run
from lmindexer.studies.tables import Column, leaf_level, markdown, means_table, one_code, part, settings_of, title

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
    Column("embedding_seconds", "embedding, seconds", 0, False),
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
were used alike. *seconds* are those of learning the codes, every part of a run that was taken up again; the \
embedding stands apart (for LMIndexer its encoder pass and preparation), at what the run that made it needed. Runs \
noted before 2026-11-27 counted both, and waiting, together, so their seconds are not shown. Methods that are one \
clustering at c1 (HC and residual k-means on the same embedding begin with the same k-means) are one line there, named \
with "=", and one comparison."""
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
        same = one_clustering(first_codes(result, *setting) for setting in settings_of(frame))
        found.append(overview(frame, list(kinds), same))
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


def overview(frame: pd.DataFrame, labels: list[str], same: Mapping[str, str] | None = None) -> str:
    """The AMI of c1 with the leaf of every method, corpus and text, means over seeds, in one table.

    same: methods that are one clustering everywhere (`one_clustering`).
    """
    settings = settings_of(frame)
    frame, labels = as_one(frame, labels, same or {})
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
    first = as_one(frame, labels, one_clustering([first_codes(result, *settings_of(frame)[0])]))
    found = [
        f"### c1\n\n{means_table(*first, FIRST)}",
        f"### c1c2, and the whole ID\n\nAn AMI of c1c2 compares only between like numbers of prefixes.{like}\n\n"
        + means_table(frame, labels, SECOND),
    ]
    if len(classes) > 1:
        for name, (some, lines), columns in zip(("c1", "c1c2"), (first, (frame, labels)), by_level, strict=True):
            found.append(f"### AMI of {name} with each category level\n\n{means_table(some, lines, columns)}")
        if 1 in classes.values():
            found.append("A level of one class says nothing: every grouping agrees with it as well as any other.")
        labelled = int((documents.labels(1) != "").sum())
        if labelled > 1 and labelled in classes.values():
            found.append("A level with a class for every document says nothing: no grouping agrees with it.")
    return [*found, *filter(None, [one_code(frame)])]


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


def first_codes(result, corpus: str, category_text: bool) -> dict[str, dict[int, np.ndarray]]:
    """{method: {seed: c1 [N]}} of the finished runs of one corpus and text, methods in the study's order."""
    codes: dict[str, dict[int, np.ndarray]] = {method.label: {} for method in result.study.methods}
    for one in result.found:
        run = Run(**one["run"])
        if (run.corpus, run.category_text) == (corpus, category_text) and run.label in codes:
            codes[run.label][run.seed] = result.codes(run)[:, 0]
    return {label: seeds for label, seeds in codes.items() if seeds}


def one_clustering(settings: Iterable[dict[str, dict[int, np.ndarray]]]) -> dict[str, str]:
    """{method: the method before it with the same groups}, where they are so in every setting and under every seed.

    >>> one_clustering([{"HC": {0: np.array([4, 4, 1])}, "k-means": {0: np.array([0, 0, 2])}}])
    {'k-means': 'HC'}
    """
    groups = [
        {label: {seed: _groups(one).tobytes() for seed, one in seeds.items()} for label, seeds in codes.items()}
        for codes in settings
    ]
    labels = list(dict.fromkeys(label for codes in groups for label in codes))
    found: dict[str, str] = {}
    for place, label in enumerate(labels):
        for before in labels[:place]:
            if before not in found and all(codes.get(label) == codes.get(before) for codes in groups):
                found[label] = before
                break
    return found


def _groups(codes: np.ndarray) -> np.ndarray:
    """Groups numbered in the order in which they are met."""
    return np.unique(np.unique(codes, return_index=True)[1][np.unique(codes, return_inverse=True)[1]],
                     return_inverse=True)[1]  # fmt: skip


def as_one(frame: pd.DataFrame, labels: list[str], same: Mapping[str, str]) -> tuple[pd.DataFrame, list[str]]:
    """The frame and the labels with methods that are one clustering as one line, "HC = residual k-means"."""
    named = {label: " = ".join([label, *(one for one, other in same.items() if other == label)]) for label in labels}
    kept = [label for label in labels if label not in same]
    some = frame[frame["label"].isin(kept)]
    return some.assign(label=some["label"].map(named)), [named[label] for label in kept]


def comparisons(result, corpus: str, category_text: bool) -> list[Comparison]:
    """LMIndexer's AMI(c1, leaf) against each other method's, on the seeds that both have finished."""
    codes = first_codes(result, corpus, category_text)
    ours = _first([method.label for method in result.study.methods])
    labels = leaf_labels(result.study.corpora[corpus])
    if ours not in codes or len(codes) < 2 or not (labels != "").any():
        return []
    return compare_methods(labels, codes, ours)


def leaf_labels(corpus) -> np.ndarray:
    """[N] label of each document at the level that AMI is asked of (`tables.leaf_level`), "" without one."""
    by_level = {level: corpus.labels(level) for level in range(1, corpus.levels + 1)}
    if not by_level:
        return corpus.labels()
    classes = {level: len(set(labels) - {""}) for level, labels in by_level.items()}
    return by_level[leaf_level(classes, int((by_level[1] != "").sum()))]


def _compared(found: list[Comparison], corpus) -> str:
    rows = [
        [
            f"{c.first} - {' = '.join([c.second, *c.same])}",
            c.seeds,
            f"{c.difference:+.3f}",
            f"{c.low:+.3f} to {c.high:+.3f}",
            _p(c.p),
            _p(c.p_holm),
        ]
        for c in found
    ]
    heading = ["AMI of c1, leaf", "seeds", "difference", "95 % interval", "p", "p, Holm"]
    labelled = int((corpus.labels() != "").sum())
    note = (
        f"Paired over the {labelled:,} documents that have a category, means over the seeds that both have: interval "
        "and p by Student's t with the jackknife's standard error (AMI worked out anew without each document; "
        "[how far to trust it](significance.md)), Holm's correction within this table. They speak of other documents, "
        "not of other seeds."
    )
    return f"### Paired comparisons\n\n{note}\n\n{markdown(heading, rows)}"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


# ---- targets and the slides ------------------------------------------------------------------------------------


def target_rows(
    frame: pd.DataFrame, kinds: dict[str, str], corpus: str, category_text: bool, labels: np.ndarray
) -> list[list]:
    """LMIndexer over the best two-step method: ratio of mean AMI, ratio of perplexity, met or missed; over the seeds
    that both have.

    Beside it, without a target: the ratio that the categories themselves reach (`merged_classes`) with as many codes,
    and the ratio over the best control but random and the true categories.
    """
    present = set(frame["label"])
    two_step = [label for label, kind in kinds.items() if kind == "two-step" and label in present]
    controls = [n for n, kind in kinds.items() if kind == "control" and n in present and n != "true categories"]
    absent = sum(kind == "two-step" for kind in kinds.values()) - len(two_step)
    rows = []
    for ours in (label for label, kind in kinds.items() if kind == "lmindexer" and label in present):
        best, pair = _best(frame, ours, two_step)
        if best is None:
            continue
        share, target = pair["perplexity_c1"][0] / pair["perplexity_c1"][1], TARGETS[category_text]
        met = _ratio(pair) >= target and share >= ENOUGH
        said = ("met" if met else "**missed**") + (" so far" if pair["seeds"] < 3 or absent else "")
        reach = category_agreement(labels, merged_classes(labels, round(pair["prefixes_c1"][0]))).ami
        control, beside = _best(frame, ours, controls)
        rows.append([corpus, "with" if category_text else "without", ours, best, f"{_ratio(pair):.2f}",
                     f"{target:.2f}", f"{share:.2f}", said, f"{reach / pair['ami_c1'][1]:.2f}",
                     "-" if control is None else f"{control}: {_ratio(beside):.2f}"])  # fmt: skip
    return rows


def _best(frame: pd.DataFrame, ours: str, others: list[str]) -> tuple[str | None, dict]:
    """Of the other methods the one with the highest AMI, and the means of both over the seeds that both have."""
    pairs = {}
    own = frame[frame["label"] == ours].dropna(subset="ami_c1").set_index("seed")
    for other in others:
        theirs = frame[frame["label"] == other].dropna(subset="ami_c1").set_index("seed")
        shared = own.index.intersection(theirs.index)
        if len(shared):
            names = ("ami_c1", "perplexity_c1", "prefixes_c1")
            means = {name: (own.loc[shared, name].mean(), theirs.loc[shared, name].mean()) for name in names}
            pairs[other] = means | {"seeds": len(shared)}
    if not pairs:
        return None, {}
    best = max(pairs, key=lambda other: pairs[other]["ami_c1"][1])
    return best, pairs[best]


def _ratio(pair: dict) -> float:
    return pair["ami_c1"][0] / pair["ami_c1"][1]


def _targets(rows: list[list]) -> str:
    heading = ["corpus", "category text", "form", "best two-step method", "AMI ratio", "target", "perplexity ratio"]
    note = (
        "AMI of c1 with the leaf, mean over the seeds that both have, over that of the best two-step method (rq-VAE, "
        "HC, residual k-means). *Met* asks for the ratio and for a perplexity of at least "
        f"{ENOUGH:.0%} of that method's. *so far*: fewer than three seeds, or a two-step method is still to be run. "
        "*Leaves merged*: the ratio that the true "
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
