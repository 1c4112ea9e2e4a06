"""What the settings of search models may be: one range or choice a name, whichever model has it."""

from lmindexer.settings.rules import Range, Rules, checked
from lmindexer.tasks import fitting
from lmindexer.tasks.generative.head import NORMALISATIONS

_SIZE = Range(1, 1_000_000, True)
_RANGES = {name: fitting.RANGES[name] for name in ("epochs", "learning_rate", "seed")} | {
    "batch": _SIZE,
    "beam": _SIZE,
    "rows": _SIZE,
    "rank": _SIZE,
    "pseudo_share": Range(0, 1),
    "query_weight": Range(0, 1_000),
    "documents": Range(0, 1),
    "most_steps": Range(1, 10**9, True),
    "longest": Range(1, 1_000, True),
    "layers": Range(1, 48, True),
    "alpha": Range(0, 100),
    "beta": Range(0, 1),
    "validate_on": Range(0, 10**9, True),
}
_FLAGS = ("learn_rows", "training_queries")


def checked_settings(settings: dict, **ranges: Range) -> dict:
    """The settings as plain numbers and texts; `ranges` in place of the usual ones.

    Raises SettingsError for the first value outside its range, choices or type.
    """
    known = {name: allowed for name, allowed in (_RANGES | ranges).items() if name in settings}
    choices = {"normalise": NORMALISATIONS} if "normalise" in settings else {}
    flags = tuple(name for name in _FLAGS if name in settings)
    return checked(settings, Rules(known, choices, optional=("most_steps", "query_weight"), flags=flags))
