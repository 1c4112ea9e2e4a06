"""Every switch of LMIndexer in one place: what an ID looks like, the model, the losses, the stages.

A setting that is not listed here is an error that names the nearest one. Values per position may be given as one
value (for all positions) or as a list; a list that is too short is continued with its last value.
"""

from dataclasses import dataclass
from typing import Any

from lmindexer.common.errors import SettingsError
from lmindexer.common.kinds import TEXT, takes
from lmindexer.settings import rules as setting_rules
from lmindexer.settings.rules import PerPosition, Range, Rules

HINT_FORMS = ("document", "target")  # model/hints.py says what they are


@dataclass(frozen=True)
class Settings:
    """All settings with their defaults (the `minilm` preset). docs/results/defaults.md has the measurements."""

    # The ID
    positions: int = 3  # T, the number of learned codes
    codebook_size: PerPosition = 32  # K; may differ by position

    # The documents
    category_text: bool = False  # the slides' documents end in their category path, which AMI then asks for
    max_length: int = 128  # tokens of a document that are read, in every stage and at inference

    # The semantic encoder, h^t = SemEnc(d, c^{<t})
    backbone: str = "minilm"  # "minilm", "tiny", or the name or folder of a T5
    train_encoder: bool = False  # minilm only: also train the encoder (slow on a CPU; its states cannot be cached)
    # In what a frozen encoder multiplies: "bfloat16" is more than twice as fast on processors that have it (AMX or
    # AVX-512) and changes less than 1 % of the IDs (docs/results/speed_and_scale.md); on others it is slower.
    encoder_precision: str = "float32"
    decoder_layers: int = 1  # of the fresh decoder (minilm, tiny)
    dropout: float = 0.1
    start: str = "pooled"  # h starts at "pooled" (encoder's mean state, less what c^{<t} says), or "none" (slides)
    lexical_weight: float | None = None  # of the lexical start beside the pooled one; 0 = off, None: BY_CATEGORY_TEXT
    lexical_rank: int = 64
    temperature: float = 0.1  # of the softmax over a codebook; the slides' form is 1 on unscaled states

    # Hints and reconstruction
    hint_form: str = "document"  # "document" (slides) or "target" (released training)
    hint_share: PerPosition = 0.1  # visible share of the words at each position
    warmup_hint_share: float = 0.5
    targets: int = 8  # words asked for a document in the form "target"
    target_weights: str = "salience"  # "salience": inverse document frequency of words a code can carry; "all"
    # A target word stands in at least this share of N / (number of prefixes) documents; None: BY_CATEGORY_TEXT.
    salience_floor: float | None = None
    recon_layers: int = 1

    # Losses: weights; 0 switches off
    reconstruction: float = 1.0
    contrastive: str = "cosine"  # "off", "dot" (slides), "cosine"
    contrastive_weight: float = 0.1
    contrastive_from: int = 2  # first position it is used at; the slides use it from 1 on
    contrastive_temperature: float = 0.2
    commitment: float = 1.0
    agreement: float | None = None  # nearest neighbours choose alike (discrete stage); None: BY_CATEGORY_TEXT
    agreement_until: int = 1  # the last position it is used at: inside a prefix it leaves few codes in use
    balance: float = 4.0  # keeps agreement from using few codes
    neighbours: int = 5
    # ‖h - start‖², by position: from 2 on h must stay the residual of the earlier codes, or it says them again.
    anchor: PerPosition = (0.3, 3.0)

    # Stages
    reconstructor_warmup: bool = True
    continuous: bool = True
    codebook_init: str = "kmeans"  # or "random"
    warmup_epochs: int = 1
    continuous_epochs: int = 2
    discrete_epochs: int = 3
    batch_size: int = 64
    learning_rate: float = 1e-3
    codebook_rate: float = 0.1  # the codebook's learning rate as a share of the model's
    seed: int = 0
    state_dims: int = 0  # keep h^T by this many leading axes (smaller bundles); 0 = all d
    # Whole-corpus diagnostics after every so many epochs, and at a stage's end; None: after every epoch up to 2,000
    # documents, after every tenth above, where a look costs a tenth of an epoch. It changes no result (WITHOUT_EFFECT).
    diagnose_every: int | None = None
    macro_f1_documents: int = 2000  # documents that Macro-F1 is measured on (all, if fewer)

    def __post_init__(self):
        setting_rules.make_plain(self, RULES)
        for name, (with_text, without) in BY_CATEGORY_TEXT.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, with_text if self.category_text else without)
        _check(self)

    def at(self, name: str, position: int):
        """The value of a per-position setting at a position counted from 1."""
        return setting_rules.value_at(getattr(self, name), position)

    @property
    def codebook_sizes(self) -> tuple[int, ...]:
        return tuple(int(self.at("codebook_size", position)) for position in range(1, self.positions + 1))

    def to_dict(self) -> dict:
        return setting_rules.as_dict(self)


# Settings that are None take the first value where the documents end in their category path, the second elsewhere.
# A path's words are few and telling: more weight to them in the start, and no need to ask neighbours, who would
# draw its rarer categories into the frequent ones (docs/results/defaults.md).
BY_CATEGORY_TEXT: dict[str, tuple[float, float]] = {
    "lexical_weight": (3.0, 0.6),
    "salience_floor": (0.5, 0.25),
    "agreement": (0.0, 1.0),
}

# What each preset changes. "slides" is the slides' form as far as method.md knows it; it wants a T5 and a GPU.
PRESETS: dict[str, dict] = {
    "minilm": {},
    "tiny": {
        "backbone": "tiny",
        "positions": 2,
        "codebook_size": 8,
        "max_length": 64,
        "decoder_layers": 2,
        "start": "none",
        "lexical_weight": 0.0,
        "temperature": 1.0,
        "codebook_rate": 1.0,
        "anchor": 0.0,
        "agreement": 0.0,
        "batch_size": 32,
    },
    "slides": {
        "backbone": "t5-base",
        "positions": 2,
        "codebook_size": 512,
        "category_text": True,
        "start": "none",
        "lexical_weight": 0.0,
        "temperature": 1.0,
        "codebook_rate": 1.0,
        "hint_form": "target",
        "hint_share": [0.5, 0.3],
        "warmup_hint_share": 1.0,
        "targets": 64,
        "target_weights": "all",
        "contrastive": "dot",
        "contrastive_weight": 1.0,
        "contrastive_from": 1,
        "contrastive_temperature": 1.0,
        "agreement": 0.0,
        "balance": 0.0,
        "anchor": 0.0,
        "warmup_epochs": 30,
        "continuous_epochs": 30,
        "discrete_epochs": 30,
        "batch_size": 128,
    },
}


@takes(preset=TEXT)
def make_settings(preset: str = "minilm", **changes) -> Settings:
    """The settings of a preset with changes; an unknown name is an error with the nearest known one.

    >>> make_settings("tiny", positions=3).codebook_sizes
    (8, 8, 8)
    >>> make_settings(codebok_size=64)
    Traceback (most recent call last):
    lmindexer.common.errors.SettingsError: Unknown setting 'codebok_size'; the nearest is 'codebook_size'.
    """
    return setting_rules.make(Settings, PRESETS, preset, changes)


def setting_names() -> dict[str, Any]:
    """Every setting with its default, in the order of this file."""
    return setting_rules.defaults_of(Settings)


_RANGES = {
    "positions": Range(1, 64, True),
    "codebook_size": Range(2, 1_000_000, True),
    "max_length": Range(4, 4096, True),
    "decoder_layers": Range(1, 48, True),
    "dropout": Range(0, 0.9),
    "lexical_weight": Range(0, 10),
    "lexical_rank": Range(1, 1024, True),
    "temperature": Range(1e-4, 1e4),
    "hint_share": Range(0, 1),
    "warmup_hint_share": Range(0, 1),
    "targets": Range(1, 512, True),
    "salience_floor": Range(0, 100),
    "recon_layers": Range(1, 3, True),
    "reconstruction": Range(0, 1e4),
    "contrastive_weight": Range(0, 1e4),
    "contrastive_from": Range(1, 64, True),
    "contrastive_temperature": Range(1e-4, 1e4),
    "commitment": Range(0, 1e4),
    "agreement": Range(0, 1e4),
    "agreement_until": Range(0, 64, True),
    "balance": Range(0, 1e4),
    "neighbours": Range(1, 1000, True),
    "anchor": Range(0, 1e4),
    "warmup_epochs": Range(0, 10_000, True),
    "continuous_epochs": Range(0, 10_000, True),
    "discrete_epochs": Range(0, 10_000, True),
    "batch_size": Range(2, 1_000_000, True),
    "learning_rate": Range(0, 10),
    "codebook_rate": Range(0, 100),
    "seed": Range(0, 2**32 - 1, True),
    "state_dims": Range(0, 65536, True),
    "diagnose_every": Range(1, 10_000, True),
    "macro_f1_documents": Range(1, 10**9, True),
}
_CHOICES = {
    "encoder_precision": ("float32", "bfloat16"),
    "start": ("pooled", "none"),
    "hint_form": HINT_FORMS,
    "contrastive": ("off", "dot", "cosine"),
    "target_weights": ("salience", "all"),
    "codebook_init": ("kmeans", "random"),
}
RULES = Rules(_RANGES, _CHOICES, per_position=("codebook_size", "hint_share", "anchor"), optional=("diagnose_every",))


def _check(settings: Settings) -> None:
    setting_rules.check(settings, RULES)
    if settings.contrastive != "off" and settings.contrastive_weight > 0 and settings.dropout == 0:
        raise SettingsError(
            "dropout is 0, but the contrastive loss compares two dropout views; set dropout above 0 or "
            "contrastive='off'."
        )
    if settings.backbone == "minilm" and settings.max_length > 512:
        raise SettingsError(f"max_length is {settings.max_length}, but the minilm backbone reads at most 512 tokens.")
    if settings.train_encoder and settings.backbone != "minilm":
        raise SettingsError("train_encoder is for the minilm backbone; every other backbone trains its encoder.")
    if settings.encoder_precision != "float32" and (settings.backbone != "minilm" or settings.train_encoder):
        raise SettingsError("encoder_precision is for the frozen minilm encoder; leave it at float32 here.")
