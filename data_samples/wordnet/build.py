"""Rebuild this folder's corpus and queries from WordNet's database files; see lmindexer/datasets/wordnet.py.

python data_samples/wordnet/build.py --source /usr/share/wordnet
"""

import argparse
from pathlib import Path

from lmindexer.datasets import wordnet
from lmindexer.datasets.sample_files import write_sample

if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--source",
        default="/usr/share/wordnet",
        help="folder with data.noun and cntlist.rev (or index.sense)",
    )
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent, help="folder to write to (default: here)"
    )
    arguments = parser.parse_args()
    corpus, queries = wordnet.build(arguments.source)
    write_sample(arguments.out, {"corpus": corpus, "queries": queries})
