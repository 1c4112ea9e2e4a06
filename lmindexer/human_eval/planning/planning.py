"""From runs to a study's content: the questions, who gets them, and the plan in words."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from lmindexer.common.errors import StudyError
from lmindexer.human_eval.planning.drawing import draw
from lmindexer.human_eval.planning.gold import draw_gold
from lmindexer.human_eval.planning.guide import TYPES
from lmindexer.human_eval.planning.order import Showing, plan_showings
from lmindexer.human_eval.planning.power import power_in_words
from lmindexer.human_eval.planning.questions import KEPT_TEXT, Document, Question, choices_of, cut, write_question
from lmindexer.human_eval.planning.signin import clean_name, name_key
from lmindexer.ids.semantic_ids import SemanticIDs
from lmindexer.runs.bundle import Bundle


@dataclass(frozen=True)
class Design:
    """What `Study.create` was asked for, checked."""

    types: dict[str, int]
    slots: int
    names: tuple[str, ...]
    overlap: int
    repeats: float
    gold: float
    length: int | None
    seed: int


@dataclass(frozen=True)
class Content:
    """What a study file is filled with; `fingerprint` is equal for equal content."""

    questions: list[Question]
    showings: list[Showing]
    documents: list[Document]
    plan: str
    facts: dict

    @property
    def fingerprint(self) -> str:
        """SHA-256 over questions and showings, texts included."""
        whole = [[*write_question(question), question.question_id] for question in self.questions]
        whole += [asdict(showing) for showing in self.showings] + [asdict(document) for document in self.documents]
        return hashlib.sha256(json.dumps(whole, ensure_ascii=False, sort_keys=True).encode()).hexdigest()

    def tokens(self) -> list[str]:
        """A name for each showing that says nothing about it."""
        seed = self.fingerprint
        return [_digest("showing", seed, showing.slot, showing.place) for showing in self.showings]


def check_design(questions, per_method, annotators, overlap, repeats, gold, length, seed) -> Design:
    """The design of a study, or StudyError naming what is wrong with it."""
    if isinstance(questions, str):
        questions = [questions]
    types = dict(questions) if isinstance(questions, Mapping) else dict.fromkeys(questions, per_method)
    for name, number in types.items():
        if name not in TYPES:
            raise StudyError(f"{name!r} is no type of question; the types are {', '.join(TYPES)}.")
        if not _is_count(number):
            raise StudyError(f"per_method is {number!r} for {name!r}; give a whole number from 1 on.")
    if not types:
        raise StudyError(f"No type of question is given; the types are {', '.join(TYPES)}.")
    names = () if isinstance(annotators, int) else tuple(clean_name(name) for name in annotators)
    slots = annotators if isinstance(annotators, int) else len(names)
    if len({name_key(name) for name in names}) < len(names):
        raise StudyError("Two annotators have the same name; tell them apart, as in 'Ada L' and 'Ada B'.")
    if not _is_count(slots):
        raise StudyError(f"annotators is {annotators!r}; give a number from 1 on, or the names of all.")
    overlap = min(2, slots) if overlap is None else overlap
    if not _is_count(overlap) or overlap > slots:
        raise StudyError(f"overlap is {overlap!r}; with {slots} annotators, 1 to {slots} can judge the same question.")
    for what, share in (("repeats", repeats), ("gold", gold)):
        if not 0 <= share <= 1:
            raise StudyError(f"{what} is {share!r}; give a share from 0 to 1.")
    if length is not None and not _is_count(length):
        raise StudyError(f"length is {length!r}; give how many codes make a prefix, from 1 on.")
    return Design(types, slots, names, int(overlap), float(repeats), float(gold), length, int(seed))


def _is_count(value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def read_methods(bundles, corpus) -> tuple[dict[str, np.ndarray], object, list[dict]]:
    """Labels with codes [N, T] in the corpus's order; the corpus; and what each run says about itself.

    Raises:
        StudyError: when the runs are not over one corpus, or a run lacks documents.
    """
    named = _labelled(bundles)
    if corpus is None:
        first = next((run for run in named.values() if isinstance(run, Bundle)), None)
        if first is None:
            raise StudyError("The documents are missing; give their corpus, too.")
        corpus = first.corpus
    codes, runs = {}, []
    for label, run in named.items():
        found = {"label": label}
        if isinstance(run, Bundle):
            found |= {"name": run.name, "method": run.method, "seed": run.manifest.get("seed")}
            if run.manifest["corpus"].get("fingerprint") != corpus.fingerprint:
                raise StudyError(f"The run {run.name!r} is over another corpus; give runs over one corpus.")
        ids = run.ids if isinstance(run, Bundle) else run
        full = np.full((len(corpus), ids.positions), -1, dtype=np.int32)
        full[ids.rows_in(corpus)] = ids.codes
        if len(ids) < len(corpus):
            raise StudyError(
                f"{label!r} has IDs for {len(ids):,} of {len(corpus):,} documents; encode the whole corpus with it."
            )
        codes[label] = full
        runs.append({**found, "codebook_sizes": list(ids.codebook_sizes)})
    return codes, corpus, runs


def _labelled(bundles) -> dict[str, Bundle | SemanticIDs]:
    def opened(run):
        return Bundle.open(run) if isinstance(run, str | Path) else run

    if isinstance(bundles, Mapping):
        return {str(label): opened(run) for label, run in bundles.items()}
    runs = [opened(run) for run in ([bundles] if isinstance(bundles, str | Path | Bundle) else bundles)]
    if not runs:
        raise StudyError("No run is given; give the folders of two or more runs over one corpus.")
    for labels in ([run.method for run in runs], [run.name for run in runs]):
        if len(set(labels)) == len(labels):
            return dict(zip(labels, runs, strict=True))
    raise StudyError("Two runs have the same method and name; give each its own label.")


def make_content(bundles, corpus, design: Design) -> Content:
    """Draw everything; the same runs, design and seed make the same content."""
    codes, corpus, runs = read_methods(bundles, corpus)
    shortest = min(array.shape[1] for array in codes.values())
    length = min(2, shortest) if design.length is None else design.length
    if length > shortest:
        raise StudyError(f"length is {length}, but some IDs have {shortest} positions only; give at most {shortest}.")
    drawn = draw(codes, design.types, length, design.seed)
    rng = np.random.default_rng([design.seed, 100])
    each = len(drawn.drafts) * design.overlap / design.slots
    gold, gold_note = draw_gold(corpus, list(design.types), round(design.gold * each), rng)
    questions = _number([*drawn.drafts, *gold], corpus, design.seed, rng)
    showings = plan_showings(questions, design.slots, design.overlap, design.repeats, rng)
    facts = _facts(design, length, runs, corpus, questions, showings)
    facts["notes"] = [*drawn.notes, gold_note]
    return Content(questions, showings, _documents(corpus, questions), plan_in_words(facts), facts)


def _number(drafts: Sequence, corpus, seed: int, rng: np.random.Generator) -> list[Question]:
    """Drafts as questions, numbered at random so that numbers tell nothing."""
    doc_ids, questions = corpus.doc_ids, []
    for number, place in enumerate(rng.permutation(len(drafts)).tolist(), start=1):
        kind, rows, hidden = drafts[place]
        groups = tuple(tuple(str(doc_ids[row]) for row in group) for group in rows)
        name = _digest("question", seed, place, kind, groups)
        gold = not hidden.methods
        questions.append(Question(name, number, kind, groups, choices_of(kind, groups), gold, hidden))
    return questions


def _digest(*parts) -> str:
    return hashlib.sha256("/".join(map(str, parts)).encode()).hexdigest()[:12]


def _documents(corpus, questions: Sequence[Question]) -> list[Document]:
    wanted = {doc_id for question in questions for doc_id in question.doc_ids}
    rows = [row for row, doc_id in enumerate(corpus.doc_ids) if str(doc_id) in wanted]
    titles, texts = corpus.titles, corpus.texts
    return [
        Document(str(corpus.doc_ids[row]), cut(titles[row] or ""), cut(texts[row] or "", KEPT_TEXT)) for row in rows
    ]


def _facts(design: Design, length: int, runs, corpus, questions, showings) -> dict:
    judged = [question for question in questions if not question.gold]
    cells = Counter(
        (q.type, " / ".join(sorted(q.hidden.methods)), q.hidden.stratum, q.hidden.distractor) for q in judged
    )
    return {
        "corpus": {"name": corpus.name, "documents": len(corpus), "fingerprint": corpus.fingerprint},
        "runs": runs,
        "types": design.types,
        "length": length,
        "slots": design.slots,
        "names": list(design.names),
        "overlap": design.overlap,
        "repeats": design.repeats,
        "gold": sum(question.gold for question in questions),
        "seed": design.seed,
        "questions": len(judged),
        "showings": [sum(showing.slot == slot for showing in showings) for slot in range(1, design.slots + 1)],
        "cells": [[*cell, number] for cell, number in sorted(cells.items())],
    }


def plan_in_words(facts: dict) -> str:
    """What will be asked, of whom and how it was drawn, for a person to read (and to publish)."""
    labels = ", ".join(run["label"] for run in facts["runs"])
    corpus, slots, overlap = facts["corpus"], facts["slots"], facts["overlap"]
    lines = [f"Documents: {corpus['documents']:,} of {corpus['name']}. Methods: {labels}."]
    lines.append(f"Groups share the first {facts['length']} codes of their ID. Seed {facts['seed']}.")
    for kind in facts["types"]:
        lines += _type_in_words(kind, [cell for cell in facts["cells"] if cell[0] == kind], overlap)
    lines.append(
        f"Annotators: {slots}; every question goes to {overlap} of them. "
        f"{min(facts['showings'])}-{max(facts['showings'])} screens each, "
        f"{facts['repeats']:.0%} of them hidden repeats, {facts['gold']} gold questions."
    )
    lines.append("Order of questions, order of documents and sides are random by seed, and balanced.")
    return "\n".join([*lines, *facts.get("notes", [])])


def _type_in_words(kind: str, cells: list, overlap: int) -> list[str]:
    """One type: how many questions, what they can show, and how they are spread over the cells."""
    by_method: Counter = Counter()
    sizes: Counter = Counter()
    sources: Counter = Counter()
    for _, method, stratum, distractor, number in cells:
        by_method[method] += number
        sizes[stratum] += number
        sources[distractor] += number
    each, methods = min(by_method.values()), len(by_method)
    of = "pair of methods" if kind == "ab" else "method"
    lines = [f"{kind}: {each} questions a {of}, {each * overlap} judgments."]
    if kind in ("intruder", "pair") and methods > 1:
        lines.append(f"  {power_in_words(each, overlap)}")
    ordered = sorted(sizes.items(), key=lambda item: int(item[0].split("-")[0]))
    spread = "; ".join(f"{number // methods} from prefixes of {size} documents" for size, number in ordered)
    words = {"near": "the same c1", "far": "another c1"}
    wrong = ", ".join(f"from {words[name]} in {number // methods}" for name, number in sources.items() if name)
    return [*lines, f"  Alike for each: {spread}{f'; the wrong document {wrong}' if wrong else ''}."]
