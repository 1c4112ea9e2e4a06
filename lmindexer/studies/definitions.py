"""The studies: each function plans its runs; `run_study` makes them, `StudyResult.markdown` writes the report."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from lmindexer.common.errors import SettingsError
from lmindexer.common.kinds import COUNT, PATH, TRUTH, WHOLE, Kind, kind_of, several, takes
from lmindexer.corpus.corpus import Corpus
from lmindexer.studies import catalogue
from lmindexer.studies.plan import Method, Study, cross

FOLDER = Path("runs/studies")
SEEDS = (0, 1, 2)
BOTH = (True, False)  # with and without category text
_CORPUS = kind_of(Corpus, "a Corpus", "Give corpora, as [lmindexer.load_sample('attack')].")
_SHARED: dict[str, Kind] = {  # what every study takes
    "corpora": several(_CORPUS, "a list of Corpus objects"),
    "seeds": several(WHOLE),
    "texts": several(TRUTH, "a list of True and False"),
    "folder": PATH,
}


@takes(codebook_size=COUNT, positions=COUNT, **_SHARED)
def table1(
    corpora: Iterable[Corpus],
    *,
    codebook_size: int = 64,
    positions: int = 3,
    seeds: Sequence[int] = SEEDS,
    texts: Sequence[bool] = BOTH,
    folder: str | Path | None = None,
) -> Study:
    """The slides' Table 1 on equal terms: AMI of c1 and c1c2 with the categories, K codes a position for all.

    LMIndexer in its default form and with the slides' losses; rq-VAE and HC on MiniLM and on in-domain SimCSE;
    residual k-means; as controls k-means on TF-IDF alone and joined with MiniLM, random codes, the true categories.

    >>> study = table1([corpus], seeds=[0])             # doctest: +SKIP
    >>> print(run_study(study).markdown())              # doctest: +SKIP
    """
    methods = catalogue.equal_size(positions, codebook_size)
    options = {"codebook_size": codebook_size, "positions": positions}
    return _study("table1", corpora, methods, seeds, texts, folder, options)


@takes(**_SHARED)
def table1_slides(
    corpora: Iterable[Corpus],
    *,
    seeds: Sequence[int] = SEEDS,
    texts: Sequence[bool] = BOTH,
    folder: str | Path | None = None,
) -> Study:
    """Table 1 with the slides' codebooks: LMIndexer 512, rq-VAE 256, HC 50 children. Not equal terms."""
    return _study("table1-slides", corpora, catalogue.slides_size(), seeds, texts, folder, {})


@takes(codebook_size=COUNT, positions=COUNT, **_SHARED)
def training(
    corpora: Iterable[Corpus],
    *,
    codebook_size: int = 64,
    positions: int = 2,
    seeds: Sequence[int] = SEEDS,
    texts: Sequence[bool] = (True,),
    folder: str | Path | None = None,
) -> Study:
    """The training study, figures (a) to (e): warm-up, continuous stage and contrastive loss on and off."""
    off = (catalogue.WARMUP_OFF, catalogue.CONTINUOUS_OFF, catalogue.CONTRASTIVE_OFF)
    methods = catalogue.switched(positions, codebook_size, off)
    options = {"codebook_size": codebook_size, "positions": positions}
    return _study("training", corpora, methods, seeds, texts, folder, options)


@takes(codebook_size=COUNT, positions=COUNT, **_SHARED)
def commitment(
    corpora: Iterable[Corpus],
    *,
    codebook_size: int = 64,
    positions: int = 2,
    seeds: Sequence[int] = SEEDS,
    texts: Sequence[bool] = (True,),
    folder: str | Path | None = None,
) -> Study:
    """Table 2: the commitment loss on and off → perplexity of each position, ID consistency."""
    methods = catalogue.switched(positions, codebook_size, (catalogue.COMMITMENT_OFF,))
    options = {"codebook_size": codebook_size, "positions": positions}
    return _study("commitment", corpora, methods, seeds, texts, folder, options)


@takes(values=several(WHOLE), codebook_size=COUNT, positions=COUNT, **_SHARED)
def layers(
    corpora: Iterable[Corpus],
    *,
    values: Sequence[int] = (1, 2, 3),
    codebook_size: int = 64,
    positions: int = 1,
    seeds: Sequence[int] = SEEDS,
    texts: Sequence[bool] = (True,),
    folder: str | Path | None = None,
) -> Study:
    """Table 5: layers of the reconstructor → AMI of c1."""
    methods = catalogue.varied("recon_layers", values, positions, codebook_size, "layers")
    return _study("layers", corpora, methods, seeds, texts, folder, {"codebook_size": codebook_size})


@takes(values=several(WHOLE), codebook_size=COUNT, **_SHARED)
def length(
    corpora: Iterable[Corpus],
    *,
    values: Sequence[int] = (1, 2, 3, 4),
    codebook_size: int = 64,
    seeds: Sequence[int] = SEEDS,
    texts: Sequence[bool] = (True,),
    folder: str | Path | None = None,
) -> Study:
    """Length of the ID, T → AMI, collisions, unique share."""
    methods = catalogue.varied("positions", values, 1, codebook_size, "T")
    return _study("length", corpora, methods, seeds, texts, folder, {"codebook_size": codebook_size})


@takes(values=several(WHOLE), positions=COUNT, **_SHARED)
def codebook(
    corpora: Iterable[Corpus],
    *,
    values: Sequence[int] = (16, 32, 64, 128, 256),
    positions: int = 3,
    seeds: Sequence[int] = SEEDS,
    texts: Sequence[bool] = (True,),
    folder: str | Path | None = None,
) -> Study:
    """Size of the codebooks, K → AMI, collisions, unique share."""
    methods = catalogue.varied("codebook_size", values, positions, 2, "K")
    return _study("codebook", corpora, methods, seeds, texts, folder, {"positions": positions})


PLANS = {
    "table1": table1,
    "table1-slides": table1_slides,
    "training": training,
    "commitment": commitment,
    "layers": layers,
    "length": length,
    "codebook": codebook,
}


def _study(
    name: str,
    corpora: Iterable[Corpus],
    methods: list[Method],
    seeds: Sequence[int],
    texts: Sequence[bool],
    folder: str | Path | None,
    options: dict,
) -> Study:
    corpora = list(corpora)
    named = {corpus.name: corpus for corpus in corpora}
    if len(named) != len(corpora):
        raise SettingsError("Two corpora have one name; give each a name of its own.")
    if not seeds:
        raise SettingsError("There is no seed; give at least one.")
    for corpus in corpora:
        if not corpus.levels and name != "length":
            raise SettingsError(
                f"{corpus.name} has no categories, which this study's AMI asks for; name their column with category=…."
            )
    options = {**options, "seeds": list(seeds), "texts": list(texts)}
    runs = cross(list(named), texts, methods, seeds)
    return Study(name, runs, named, Path(folder or FOLDER / name), tuple(methods), options)
