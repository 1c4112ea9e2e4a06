"""At which learning rate does in-domain SimCSE serve the two-step methods best?

    python benchmarks/simcse.py --data <folder with the Amazon corpora> --rates 1e-6 5e-6 3e-5

k-means on the unit-length vectors (the first level of HC), AMI with the leaf category, mean and standard deviation
over seeds. SimCSE is trained once a corpus, text and rate; the cache keeps its vectors.
"""

import argparse
import sys
from pathlib import Path


def line(name: str, vectors, labels, size: int, seeds: list[int]) -> str:
    import numpy as np
    from sklearn.cluster import KMeans

    from lmindexer.quality import category_agreement
    from lmindexer.quality.diagnostics import perplexity
    from lmindexer.two_step.embeddings.base import unit_length

    rows = unit_length(vectors)
    codes = [KMeans(size, n_init=3, random_state=seed).fit_predict(rows) for seed in seeds]
    ami = [category_agreement(labels, found).ami for found in codes]
    return f"| {name} | {np.mean(ami):.3f} ± {np.std(ami, ddof=1):.3f} | {np.mean([*map(perplexity, codes)]):.0f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--corpora", nargs="*", default=["amazon-office2014"], help="for choosing: Office, Beauty")
    parser.add_argument("--text", nargs="*", choices=["with", "without"], default=["with", "without"])
    parser.add_argument("--rates", nargs="*", type=float, default=[1e-6, 5e-6, 3e-5])
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    args = parser.parse_args()
    from id_quality import load

    from lmindexer.two_step.embeddings import EncoderEmbeddings, SimCSEEmbeddings, embed_corpus

    print("| corpus | category text | embeddings | AMI of c1 | perplexity |", "|---|---|---|---|---|", sep="\n")
    for name in args.corpora:
        corpus = load(name, args.data)
        for text in args.text:
            sources = {"MiniLM": EncoderEmbeddings()}
            sources |= {f"SimCSE, {rate:g}": SimCSEEmbeddings(learning_rate=rate) for rate in args.rates}
            for label, source in sources.items():
                vectors = embed_corpus(corpus, source, category_text=text == "with", progress=sys.stderr.isatty())
                print(f"| {name} | {text} " + line(label, vectors, corpus.labels(), args.size, args.seeds), flush=True)


if __name__ == "__main__":
    main()
