"""Separable toy clusters as a corpus with vectors of its own, for indexers that code vectors."""

from pathlib import Path

import numpy as np

from lmindexer.corpus.corpus import Corpus


def toy(groups: int = 4, parts: int = 3, each: int = 6, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of groups × parts clusters far apart, the parts of a group nearer to each other; and (group, part).

    Group g stands on its own axis at distance 10, part p 2 along another axis, noise 0.05.
    """
    rng = np.random.default_rng(seed)
    labels = np.array([(g, p) for g in range(groups) for p in range(parts) for _ in range(each)])
    labels = labels[rng.permutation(len(labels))]
    vectors = np.zeros((len(labels), groups + parts))
    vectors[np.arange(len(labels)), labels[:, 0]] = 10
    vectors[np.arange(len(labels)), groups + labels[:, 1]] = 2
    return (vectors + 0.05 * rng.normal(size=vectors.shape)).astype(np.float32), labels


def corpus_with_vectors(folder: Path, vectors: np.ndarray, labels: np.ndarray) -> tuple[Corpus, str]:
    """A corpus whose vectors stand in a file, and that file's name for `embeddings=`."""
    records = [
        {"doc_id": f"d{row}", "text": f"document {row}", "category_1": f"g{g}", "category_2": f"p{p}"}
        for row, (g, p) in enumerate(labels)
    ]
    np.save(folder / "vectors.npy", vectors)
    (folder / "vectors.ids.txt").write_text("\n".join(record["doc_id"] for record in records), encoding="utf-8")
    return Corpus.from_records(records, name="toy"), str(folder / "vectors.npy")


def same_partition(codes: np.ndarray, labels: np.ndarray) -> bool:
    """Whether two labellings group the documents alike, whatever the groups are called."""
    pairs = set(
        zip(map(tuple, np.atleast_2d(codes.T).T.tolist()), map(tuple, np.atleast_2d(labels.T).T.tolist()), strict=True)
    )
    return len(pairs) == len({one for one, _ in pairs}) == len({other for _, other in pairs})
