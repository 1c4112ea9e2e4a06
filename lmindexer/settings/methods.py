"""The switches of the two-step indexers and of the controls, and the way from a method's name to its settings.

A two-step indexer embeds each document once and then codes the vectors; which embedding is a setting like any other
(`lmindexer.two_step.embeddings` lists the words it may be). An unknown setting is an error that names the nearest one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from lmindexer.common.errors import SettingsError
from lmindexer.common.kinds import TEXT_OR_NONE, takes
from lmindexer.settings import rules as setting_rules
from lmindexer.settings.rules import PerPosition, Range, Rules

_POSITIONS, _CODES, _SEED = Range(1, 64, True), Range(2, 1_000_000, True), Range(0, 2**32 - 1, True)
_RESTARTS = Range(1, 1000, True)


class MethodSettings:
    """What the settings classes below have in common."""

    RULES: ClassVar[Rules]

    def __post_init__(self):
        if not isinstance(getattr(self, "embeddings", ""), str | dict) and hasattr(self.embeddings, "spec"):
            object.__setattr__(self, "embeddings", self.embeddings.spec)
        setting_rules.make_plain(self, self.RULES)
        setting_rules.check(self, self.RULES)
        if not isinstance(getattr(self, "embeddings", ""), str | dict):
            raise SettingsError(f"embeddings is {self.embeddings!r}; give a word such as 'minilm', or an object.")

    def at(self, name: str, position: int):
        """The value of a per-position setting at a position counted from 1."""
        return setting_rules.value_at(getattr(self, name), position)

    @property
    def codebook_sizes(self) -> tuple[int, ...]:
        """K of each position."""
        return tuple(int(self.at("codebook_size", position)) for position in range(1, self.positions + 1))

    def to_dict(self) -> dict:
        """All settings as JSON has them."""
        return setting_rules.as_dict(self)


@dataclass(frozen=True)
class RQVAESettings(MethodSettings):
    """A residual-quantised VAE on text embeddings; docs/results/rqvae.md has the measurements behind the defaults."""

    # The ID
    positions: int = 3  # T, the number of codebooks
    codebook_size: PerPosition = 32  # K; may differ by position

    # The documents
    embeddings: Any = "minilm"  # a word, a dict or an object of lmindexer.two_step.embeddings
    category_text: bool = False  # documents end in their category path

    # The network
    hidden: Any = (512, 256, 128)  # widths of the encoder's hidden layers; the decoder mirrors them
    latent: int = 32  # d of z and of the codebooks
    # Losses and codebooks
    commitment: float = 0.25  # β of ‖r - sg(e)‖²
    ema: bool = False  # codebooks follow their members' running mean instead of a gradient
    ema_decay: float = 0.99
    kmeans_init: bool = True  # codebooks start at the k-means centres of what they shall code; else at random rows
    restart: bool = True  # a code that nobody chose in an epoch is moved to some document's residual
    sinkhorn: PerPosition = 0.0  # ε of balanced assignment while training; 0 = off, LC-Rec uses 0.003 at the end

    # Training
    warmup_epochs: int = 20  # of the plain autoencoder, before there are codes
    epochs: int = 40
    batch_size: int = 256
    learning_rate: float = 3e-3
    weight_decay: float = 0.0
    seed: int = 0

    RULES: ClassVar[Rules] = Rules(
        {
            "positions": _POSITIONS,
            "codebook_size": _CODES,
            "hidden": Range(1, 100_000, True),
            "latent": Range(1, 100_000, True),
            "commitment": Range(0, 1e4),
            "ema_decay": Range(0, 0.999999),
            "sinkhorn": Range(0, 1e4),
            "warmup_epochs": Range(0, 1_000_000, True),
            "epochs": Range(1, 1_000_000, True),
            "batch_size": Range(2, 10_000_000, True),
            "learning_rate": Range(0, 10),
            "weight_decay": Range(0, 10),
            "seed": _SEED,
        },
        per_position=("codebook_size", "sinkhorn"),
        several=("hidden",),
    )


@dataclass(frozen=True)
class ResidualKMeansSettings(MethodSettings):
    """k-means, then k-means of what is left, T times."""

    positions: int = 3
    codebook_size: PerPosition = 32
    embeddings: Any = "minilm"
    category_text: bool = False
    restarts: int = 3  # k-means runs of which the best is kept
    seed: int = 0

    RULES: ClassVar[Rules] = Rules(
        {"positions": _POSITIONS, "codebook_size": _CODES, "restarts": _RESTARTS, "seed": _SEED},
        per_position=("codebook_size",),
    )


@dataclass(frozen=True)
class HierarchicalSettings(MethodSettings):
    """Recursive k-means: a node of more than `leaf_size` documents is split into `branching` children."""

    branching: int = 32  # K at every position
    leaf_size: int = 1  # a node with so many documents or fewer is a leaf; the root is always split
    max_depth: int = 3  # codes of the longest ID
    embeddings: Any = "minilm"
    category_text: bool = False
    restarts: int = 3
    seed: int = 0

    RULES: ClassVar[Rules] = Rules(
        {
            "branching": _CODES,
            "leaf_size": Range(1, 10**9, True),
            "max_depth": _POSITIONS,
            "restarts": _RESTARTS,
            "seed": _SEED,
        }
    )

    @property
    def codebook_sizes(self) -> tuple[int, ...]:
        """K of each position, up to the greatest depth."""
        return (self.branching,) * self.max_depth


@dataclass(frozen=True)
class RandomSettings(MethodSettings):
    """Uniform random codes."""

    positions: int = 3
    codebook_size: PerPosition = 32
    seed: int = 0

    RULES: ClassVar[Rules] = Rules(
        {"positions": _POSITIONS, "codebook_size": _CODES, "seed": _SEED}, per_position=("codebook_size",)
    )


@dataclass(frozen=True)
class CategorySettings(MethodSettings):
    """IDs from the true categories."""

    positions: int | None = None  # category levels that are used; None = all

    RULES: ClassVar[Rules] = Rules({"positions": _POSITIONS}, optional=("positions",))

    @property
    def codebook_sizes(self) -> tuple[int, ...]:
        """Known only with the corpus."""
        return ()


# method → its settings and presets. "tiger" and "slides" are those papers' forms as far as they are known.
KINDS: dict[str, tuple[type, dict[str, dict]]] = {
    "rqvae": (RQVAESettings, {"default": {}, "tiger": {"positions": 3, "codebook_size": 256}}),
    "hierarchical": (
        HierarchicalSettings,
        {"default": {}, "slides": {"branching": 50, "leaf_size": 512, "max_depth": 8, "restarts": 10}},
    ),
    "residual_kmeans": (ResidualKMeansSettings, {"default": {}}),
    "random": (RandomSettings, {"default": {}}),
    "category": (CategorySettings, {"default": {}}),
}
METHODS = ("lmindexer", *KINDS)


@takes(preset=TEXT_OR_NONE)
def settings_of(method: str, preset: str | None = None, **changes):
    """The settings of a method's preset (None: its first) with changes.

    Raises SettingsError for an unknown method, preset or setting, with the nearest known name.

    >>> settings_of("rqvae", "tiger").codebook_sizes
    (256, 256, 256)
    >>> settings_of("rqvea")
    Traceback (most recent call last):
    ...
    lmindexer.common.errors.SettingsError: Unknown method 'rqvea'; the nearest is 'rqvae'.
    """
    return _maker(method)(preset, changes)


def default_settings(method: str) -> dict[str, Any]:
    """Every setting of a method with its default."""
    from lmindexer.settings.settings import Settings

    _maker(method)
    return setting_rules.defaults_of(Settings if method == "lmindexer" else KINDS[method][0])


def comparable(method: str, settings: Mapping) -> dict:
    """The settings of a run that say whether another one is the same: those that have been added since it was made have
    their default, those that change no result are left out.

    >>> one, other = {"positions": 2, "diagnose_every": 1}, {"positions": 2, "encoder_precision": "float32"}
    >>> comparable("lmindexer", one) == comparable("lmindexer", other)
    True
    """
    return setting_rules.with_effect(default_settings(method) | dict(settings))


def _maker(method: str) -> Callable:
    if method not in METHODS:
        raise SettingsError(setting_rules.unknown("method", method, list(METHODS)))
    if method == "lmindexer":
        from lmindexer.settings.settings import make_settings  # which loads torch

        return lambda preset, changes: make_settings(preset or "minilm", **changes)
    kind, presets = KINDS[method]
    return lambda preset, changes: setting_rules.make(kind, presets, preset or "default", changes)
