"""A report on semantic IDs as plain text, at most 100 columns wide."""

import textwrap

import numpy as np

from lmindexer.common.arguments import expect
from lmindexer.corpus.corpus import Corpus, expect_corpus
from lmindexer.ids.semantic_ids import SemanticIDs, expect_ids
from lmindexer.quality.keywords import PrefixKeywords
from lmindexer.quality.quality import IDQuality, prefix_name

WIDTH = 100
_TITLES = 4  # titles shown for a sample prefix


def text_report(ids: SemanticIDs, corpus: Corpus, quality: IDQuality, samples: int = 5) -> str:
    """AMI by category level, use of the codes, collisions, and sample prefixes with key words and titles.

    Args:
        ids: of documents in the corpus.
        corpus: gives titles and words.
        quality: what `evaluate_ids(ids, corpus)` gave.
        samples: sample prefixes of two codes (one where T = 1): the largest under each of the largest first
            codes.

    Returns:
        Lines of at most 100 columns, without colours.

    >>> print(text_report(ids, corpus, evaluate_ids(ids, corpus)))     # doctest: +SKIP
    Semantic IDs of 'wordnet': 11,059 documents, 3 positions, codebook sizes 32, 32, 32
    …
    """
    expect_ids(ids)
    expect_corpus(corpus)
    expect(quality, IDQuality, "what evaluate_ids gives", "Call evaluate_ids(ids, corpus) first.")
    sizes = ", ".join(map(str, quality.codebook_sizes))
    documents, positions = _counted(quality.documents, "document"), _counted(quality.positions, "position")
    sections = [
        _wrapped(f"Semantic IDs of '{corpus.name}': {documents}, {positions}, codebook sizes {sizes}"),
        _agreement_section(quality),
        _codes_section(quality),
        _collision_section(quality),
        _sample_section(ids, corpus, samples),
    ]
    return "\n\n".join(section for section in sections if section)


def _agreement_section(quality: IDQuality) -> str:
    if not quality.levels:
        return "The corpus has no categories, so there is no AMI."
    rows = [["prefix", *(f"level {level}" for level in range(1, quality.levels + 1))]]
    for length in range(1, quality.positions + 1):
        values = [_number(quality.ami(length, level), 3) for level in range(1, quality.levels + 1)]
        marks = ["*" if quality.says_nothing(length, level) else " " for level in range(1, quality.levels + 1)]
        rows.append([prefix_name(length), *map("".join, zip(values, marks, strict=True))])
    first = quality.agreement[quality.agreement["prefix_length"] == 1]
    rows.append(["classes", *(f"{classes:,} " for classes in first["classes"])])
    lines = ["AMI with the category levels (0 = chance, 1 = equal)", _table(rows)]
    return "\n".join([*lines, *(_wrapped(f"* {sentence}") for sentence in quality.silent())])


def _codes_section(quality: IDQuality) -> str:
    rows = [["position", "used codes", "perplexity", "within prefix", "diff ratio", "(released)", "prefixes"]]
    for place in range(quality.positions):
        rows.append(
            [
                str(place + 1),
                f"{quality.used_codes[place]} of {quality.codebook_sizes[place]}",
                _number(quality.perplexity[place], 1),
                _number(quality.within_prefix_perplexity[place], 2),
                _number(quality.diff_ratio[place], 3),
                _number(quality.diff_ratio_released[place], 3),
                f"{quality.collisions.distinct_prefixes[place]:,}",
            ]
        )
    return "Use of the codes\n" + _table(rows)


def _collision_section(quality: IDQuality) -> str:
    found = quality.collisions
    return _wrapped(
        f"Collisions: {found.colliding_documents:,} documents share their codes with another, in "
        f"{_counted(found.groups, 'group')}, the largest of {found.largest_group:,}; the suffix tells them "
        f"apart. Unique share: {100 * found.unique_share:.1f} % of documents are alone under their codes."
    )


def _sample_section(ids: SemanticIDs, corpus: Corpus, samples: int) -> str:
    if samples < 1:
        return ""
    length = min(2, ids.positions)
    keywords = PrefixKeywords.from_corpus(corpus).of(ids, length)
    lines = ["Sample prefixes"]
    for prefix in sample_prefixes(ids, length, samples):
        members = ids.select(prefix)
        name = "".join(f"<{code}>" for code in prefix if code >= 0) or "(no code)"
        words = ", ".join(word for word, _ in keywords[prefix]) or "(no words)"
        lines.append(_wrapped(f"{name}  {_counted(len(members), 'document')}: {words}", "  "))
        place = ids.take(members[:_TITLES]).rows_in(corpus)
        titles = [corpus.titles[row] or corpus.documents()[row] for row in place]
        lines += [f"    - {_cut(title, WIDTH - 6)}" for title in titles]
    return "\n".join(lines)


def sample_prefixes(ids: SemanticIDs, length: int, samples: int) -> list[tuple[int, ...]]:
    """The largest prefix of `length` codes under each of the `samples` largest first codes, in their order.

    Ties go to the smaller code, so the choice depends on nothing but the IDs.
    """
    prefixes, _, counts = ids.prefix_groups(length)
    first, _, totals = ids.prefix_groups(1)
    chosen = first[np.argsort(-totals, kind="stable")[:samples], 0]
    largest = [np.flatnonzero(prefixes[:, 0] == code) for code in chosen]
    return [tuple(prefixes[rows[np.argmax(counts[rows])]].tolist()) for rows in largest]


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{round(value, digits) + 0.0:.{digits}f}"  # + 0.0: no "-0.000"


def _cut(text: str, width: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width - 1].rstrip() + "…"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _table(rows: list[list[str]]) -> str:
    """Columns aligned right, the first one left; a table that is too wide goes on in a further block."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    room = WIDTH - 2 - widths[0]
    blocks: list[list[int]] = [[]]
    for place in range(1, len(widths)):
        if blocks[-1] and sum(2 + widths[column] for column in [*blocks[-1], place]) > room:
            blocks.append([])
        blocks[-1].append(place)
    lines = []
    for columns in blocks:
        for row in rows:
            cells = [row[place].rjust(widths[place]) for place in columns]
            lines.append(("  " + "  ".join([row[0].ljust(widths[0]), *cells])).rstrip())
    return "\n".join(lines)


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(text, WIDTH, initial_indent=indent, subsequent_indent=indent + "  ")
