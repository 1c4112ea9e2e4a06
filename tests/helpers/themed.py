"""A small corpus of six themes, made from a seed, and settings under which a fit takes a second."""

import random

from lmindexer.corpus.corpus import Corpus

THEMES = {
    ("animals", "birds"): "bird feather wing nest beak song sky egg",
    ("animals", "fish"): "fish fin river gill scale swim lake net",
    ("food", "bread"): "bread flour oven crust dough bake yeast loaf",
    ("food", "fruit"): "fruit apple pear sweet juice tree ripe basket",
    ("tools", "saws"): "saw blade wood cut tooth handle timber plank",
    ("tools", "hammers"): "hammer nail steel strike head anvil forge iron",
}
QUICK = {"codebook_size": 6, "warmup_epochs": 1, "continuous_epochs": 1, "discrete_epochs": 2}


def themed_records(documents: int, seed: int = 0, name: str = "d") -> list[dict]:
    """Documents of six themes, in turn; each says seven words of its theme and two of any."""
    drawn = random.Random(seed)
    themes = list(THEMES.items())
    every = [word for words in THEMES.values() for word in words.split()]
    records = []
    for number in range(documents):
        path, words = themes[number % len(themes)]
        said = drawn.choices(words.split(), k=7) + drawn.choices(every, k=2)
        records.append(
            {"doc_id": f"{name}{number}", "title": said[0], "text": " ".join(said), "area": path[0], "kind": path[1]}
        )
    return records


def as_corpus(records: list[dict], name: str = "themes") -> Corpus:
    return Corpus.from_records(records, name=name, id="doc_id", title="title", text="text", category=["area", "kind"])


def themed_corpus(documents: int = 48, seed: int = 0, name: str = "d") -> Corpus:
    return as_corpus(themed_records(documents, seed, name))


def plain_corpus(texts: list[str]) -> Corpus:
    records = [{"doc_id": f"d{number}", "text": text} for number, text in enumerate(texts)]
    return Corpus.from_records(records, id="doc_id", text="text", name="plain")


def line_map(states, doc_ids, **_):
    """Stands for UMAP, whose import takes longer than all else."""
    import pandas as pd

    return pd.DataFrame({"doc_id": doc_ids, "x": range(len(doc_ids)), "y": 0.0})
