"""The lines of the studies' tables: which indexer stands behind each name, with which settings."""

from collections.abc import Sequence

from lmindexer.studies.plan import Method

# Of the slides' form: the others' epochs and batches, and 8 words asked for a document and step, drawn anew each time,
# in place of 64: the same loss on average at an eighth of its cost.
BUDGET = {"warmup_epochs": 1, "continuous_epochs": 2, "discrete_epochs": 3, "batch_size": 64, "targets": 8}
KEEP = {"state_dims": 64}  # of the states, for smaller bundles; IDs do not depend on it
OURS, SLIDES_FORM = "LMIndexer", "LMIndexer, slides' losses"


def ours(positions: int, codebook_size: int, label: str = OURS, **changes) -> Method:
    """LMIndexer with its default losses."""
    return Method(label, "lmindexer", {"positions": positions, "codebook_size": codebook_size, **KEEP, **changes})


def slides_form(positions: int, codebook_size: int, label: str = SLIDES_FORM, **changes) -> Method:
    """LMIndexer with the slides' losses and hints (preset "slides"), on the encoder and the budget of the others."""
    settings = {"preset": "slides", "backbone": "minilm", "positions": positions, "codebook_size": codebook_size}
    return Method(label, "lmindexer", {**settings, **BUDGET, **KEEP, **changes})


def two_step(kind: str, label: str, embeddings: str, **settings) -> Method:
    """An embedding, then a clustering of it."""
    return Method(label, kind, {"embeddings": embeddings, **settings}, "two-step")


def controls(positions: int, codebook_size: int) -> list[Method]:
    """Floors, ceilings, and clusterings that also read the corpus's own words."""
    size = {"positions": positions, "codebook_size": codebook_size}
    return [
        Method("k-means, TF-IDF", "residual_kmeans", {"embeddings": "tfidf", **size}, "control"),
        Method("k-means, MiniLM + TF-IDF", "residual_kmeans", {"embeddings": "minilm+tfidf", **size}, "control"),
        Method("random", "random", size, "control"),
        Method("true categories", "category", {}, "control"),
    ]


def equal_size(positions: int = 3, codebook_size: int = 64) -> list[Method]:
    """Table 1 on equal terms: every method has K codes at each position."""
    size = {"positions": positions, "codebook_size": codebook_size}
    tree = {"branching": codebook_size, "max_depth": positions}
    return [
        ours(positions, codebook_size),
        slides_form(positions, codebook_size),
        two_step("rqvae", "rq-VAE, MiniLM", "minilm", **size),
        two_step("rqvae", "rq-VAE, SimCSE", "simcse", **size),
        two_step("hierarchical", "HC, MiniLM", "minilm", **tree),
        two_step("hierarchical", "HC, SimCSE", "simcse", **tree),
        two_step("residual_kmeans", "residual k-means, MiniLM", "minilm", **size),
        *controls(positions, codebook_size),
    ]


def slides_size() -> list[Method]:
    """Table 1 with the slides' codebooks: LMIndexer 512 (two learned positions), rq-VAE 256, HC 50 children."""
    tree = {"preset": "slides"}
    return [
        ours(2, 512, "LMIndexer, K 512"),
        slides_form(2, 512, f"{SLIDES_FORM}, K 512"),
        two_step("rqvae", "rq-VAE, MiniLM, K 256", "minilm", preset="tiger"),
        two_step("rqvae", "rq-VAE, SimCSE, K 256", "simcse", preset="tiger"),
        two_step("hierarchical", "HC, MiniLM, 50 children", "minilm", **tree),
        two_step("hierarchical", "HC, SimCSE, 50 children", "simcse", **tree),
        two_step("residual_kmeans", "residual k-means, MiniLM, K 512", "minilm", positions=2, codebook_size=512),
    ]


# ---- the training study: a form of the method, with one thing off --------------------------------------------------

WARMUP_OFF, CONTINUOUS_OFF, CONTRASTIVE_OFF = "no reconstructor warm-up", "no continuous stage", "no contrastive loss"
COMMITMENT_OFF = "no commitment loss"
SWITCHES = {
    WARMUP_OFF: {"reconstructor_warmup": False},
    CONTINUOUS_OFF: {"continuous": False, "codebook_init": "random"},  # as in the slides: nor k-means on h
    CONTRASTIVE_OFF: {"contrastive": "off"},
    COMMITMENT_OFF: {"commitment": 0.0},
}
FORMS = {OURS: ours, SLIDES_FORM: slides_form}


def switched(positions: int, codebook_size: int, off: Sequence[str]) -> list[Method]:
    """Both forms of LMIndexer, whole and with each of the switches off."""
    methods = []
    for name, form in FORMS.items():
        methods.append(form(positions, codebook_size, name))
        methods += [form(positions, codebook_size, f"{name}, {what}", **SWITCHES[what]) for what in off]
    return methods


def varied(name: str, values: Sequence[int], positions: int, codebook_size: int, heading: str) -> list[Method]:
    """Both forms of LMIndexer, with each value of one setting."""
    methods = []
    for form_name, form in FORMS.items():
        for value in values:
            settings = {"positions": positions, "codebook_size": codebook_size, name: value}
            methods.append(form(label=f"{form_name}, {heading} {value}", **settings))
    return methods
