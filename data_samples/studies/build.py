"""Makes wordnet-demonstration.sqlite: a study of the bundled WordNet run that simulated annotators answered.

    python data_samples/studies/build.py

Compared are the bundled run's IDs with those of residual k-means over TF-IDF, fitted here in a minute. Three simulated
annotators go by the documents' hypernym paths and words, each with noise of its own. No person answered anything, and
the file says so. Settled is one disagreement; the study is ended and unblinded, so that every page shows something.
"""

import os
import sqlite3
import tempfile
from pathlib import Path

import numpy as np

import lmindexer as lmi
from lmindexer.human_eval import TYPES, Study, disagreements
from lmindexer.human_eval.results.simulate import answer_study

HERE = Path(__file__).parent
NAME, SEED = "wordnet-demonstration.sqlite", 7
PER_METHOD = {kind: 24 if kind in ("intruder", "pair") else 10 for kind in TYPES}


def alike_by_path(corpus):
    """doc_ids → how alike they are: 0.75 times the shared part of the category path, 0.25 times the shared words."""
    frame = corpus.to_frame().set_index("doc_id")
    levels = frame[[f"category_{level}" for level in range(1, corpus.levels + 1)]].to_numpy(str)
    path = {doc_id: row for doc_id, row in zip(frame.index, levels, strict=True)}
    words = {doc_id: set(str(text).lower().split()) for doc_id, text in frame["text"].items()}

    def alike(doc_ids) -> np.ndarray:
        paths = np.array([path[doc_id] for doc_id in doc_ids])
        shared = np.cumprod(paths[:, None] == paths[None], axis=2).mean(2)
        said = [words[doc_id] for doc_id in doc_ids]
        overlap = [[len(a & b) / max(len(a | b), 1) for b in said] for a in said]
        return 0.75 * shared + 0.25 * np.array(overlap)

    return alike


def build(path: Path) -> None:
    """Make, answer, end, settle and unblind the study."""
    run = lmi.Bundle.open(HERE.parent / "runs" / "wordnet")
    other = lmi.ResidualKMeansIndexer(embeddings="tfidf", positions=3, codebook_size=32, seed=SEED)
    other.fit(run.corpus, progress=False)
    study = Study.create(
        {"lmindexer": run.ids, "residual k-means (TF-IDF)": other.ids_}, run.corpus, path=path, questions=PER_METHOD,
        annotators=3, overlap=2, repeats=0.1, gold=0.08, length=2, seed=SEED, simulated=True,
        name="Demonstration: WordNet, simulated annotators",
    )  # fmt: skip
    with study:
        answer_study(study, alike_by_path(run.corpus), (0.12, 0.18, 0.3), seed=SEED)
        study.end("simulated-coordinator", "every question is answered")
        queue = disagreements(study)
        first = queue.iloc[0]
        choice = next(q for q in study.questions() if q.question_id == first["question_id"]).choices[0]
        study.adjudicate(first["question_id"], choice, "simulated-coordinator", "An example of a settled question.")
        study.unblind("simulated-coordinator", "a demonstration")


def compact(made: Path, path: Path) -> None:
    """One file without a write-ahead log beside it, put in place whole."""
    aside = path.with_name(f".{path.name}.writing")
    aside.unlink(missing_ok=True)
    source = sqlite3.connect(made)
    source.execute("VACUUM INTO ?", (str(aside),))
    source.close()
    os.replace(aside, path)


def main() -> None:
    """Write the file beside this one."""
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder) / NAME)
        compact(Path(folder) / NAME, HERE / NAME)
    print(f"{NAME}: {(HERE / NAME).stat().st_size / 1024:,.0f} KB")


if __name__ == "__main__":
    main()
