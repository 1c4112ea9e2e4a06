"""What the settings of recommenders may be: one range or choice a name, whichever model has it."""

from dataclasses import fields

from lmindexer.common.errors import SettingsError
from lmindexer.settings.rules import Range, Rules, check, make_plain
from lmindexer.tasks import fitting
from lmindexer.tasks.generative.head import NORMALISATIONS, OUTPUTS, TIES
from lmindexer.tasks.recommendation.losses import LOSSES

WATCHED = ("Recall@5", "NDCG@10")  # what an epoch is judged by on the validation users
DECODINGS = ("exact", "beam")
PATH = "path"  # the loss of models by IDs

_SIZE, _SHARE = Range(1, 1_000_000, True), Range(0, 1)
_RANGES = fitting.RANGES | {
    "dim": _SIZE,
    "hidden": _SIZE,
    "inner": _SIZE,
    "head_dim": _SIZE,
    "heads": _SIZE,
    "widen": _SIZE,
    "layers": Range(1, 48, True),
    "dropout": Range(0, 0.9),
    "negatives": Range(1, 10**9, True),
    "targets": Range(1, 10**9, True),
    "max_history": Range(1, 100_000, True),
    "max_tokens": Range(1, 100_000, True),
    "validation_users": Range(1, 10**9, True),
    "text_dims": _SIZE,
    "users": Range(0, 10**9, True),
    "hidden_share": _SHARE,
    "last_share": _SHARE,
    "width": _SIZE,
    "auxiliary": Range(0, 1e4),
    "neighbours": Range(1, 10**9, True),
    "shrink": Range(0, 1e9),
    "window": Range(1, 10**9, True),
    "decay": _SHARE,
}
_CHOICES = {
    "schedule": fitting.SCHEDULES,
    "watch": WATCHED,
    "loss": (*LOSSES, PATH),
    "decoding": DECODINGS,
    "normalise": NORMALISATIONS,
    "ties": TIES,
    "output": OUTPUTS,
}
_OPTIONAL = ("clip", "window", "decay")


def rules_of(names) -> Rules:
    """The rules of those settings."""
    there = set(names)
    return Rules(
        {name: allowed for name, allowed in _RANGES.items() if name in there},
        {name: allowed for name, allowed in _CHOICES.items() if name in there},
        several=("betas",),
        optional=_OPTIONAL,
    )


def check_sequence_settings(settings) -> None:
    """Make the values of a frozen settings object plain, and raise SettingsError for the first that cannot be."""
    rules = rules_of(f.name for f in fields(settings))
    make_plain(settings, rules)
    check(settings, rules)
    if not isinstance(getattr(settings, "text", None), str | None):
        raise SettingsError(f"text is {settings.text!r}; give embeddings such as 'minilm', or None.")
    heads = getattr(settings, "heads", 1)
    if not hasattr(settings, "head_dim") and settings.dim % heads:
        raise SettingsError(f"dim is {settings.dim} and heads {heads}; give a dim that is a multiple of heads.")
