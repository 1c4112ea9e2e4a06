"""The stages of a fit, in order; see `training.py` for what each does."""

from dataclasses import dataclass

from lmindexer.common.errors import TrainingError
from lmindexer.settings.settings import Settings


@dataclass(frozen=True)
class Stage:
    """One stage: its name, the position t it learns (0 for the reconstructor's warm-up), its epochs."""

    name: str
    position: int
    epochs: int

    def __str__(self) -> str:
        return self.name if self.position == 0 else f"{self.name} c{self.position}"


def plan(settings: Settings) -> list[Stage]:
    """The stages that the settings ask for, in order."""
    stages = []
    if settings.reconstructor_warmup and settings.warmup_epochs:
        stages.append(Stage("reconstructor_warmup", 0, settings.warmup_epochs))
    for position in range(1, settings.positions + 1):
        if settings.continuous and settings.continuous_epochs:
            stages.append(Stage("continuous", position, settings.continuous_epochs))
        stages.append(Stage("codebook_init", position, 1))
        stages.append(Stage("discrete", position, settings.discrete_epochs))
    return stages


# Seconds a document, measured on two cores with the frozen MiniLM (docs/results/quickstart.md): only their proportions
# matter, since the pace is measured anew in every fit.
STEP, LATER, VIEW = 0.7e-3, 0.35e-3, 0.7e-3  # at position 1; more for each earlier code; for the second view
LOOK, KMEANS, TOKEN, MAP, MAP_AT_LEAST = 0.12e-3, 0.4e-3, 0.17e-3, 4e-3, 12.0


def expected_costs(settings: Settings, documents: int, tokens: int, map: bool = True) -> dict[str, float]:
    """Part of a fit → its cost, in order: "encoder" (of `tokens` that are encoded ahead), "stage 0", …, "map"."""
    costs = {"encoder": TOKEN * tokens}
    for place, stage in enumerate(plan(settings)):
        again = settings.contrastive != "off" and 0 < settings.contrastive_from <= stage.position
        step = STEP + LATER * max(0, stage.position - 1) + VIEW * again
        each = KMEANS if stage.name == "codebook_init" else step + LOOK
        costs[f"stage {place}"] = documents * stage.epochs * each
    return costs | ({"map": max(MAP_AT_LEAST, MAP * documents)} if map else {})


def check_size(documents: int, codes: int) -> None:
    """Raise TrainingError where a codebook has more codes than there are documents."""
    if codes > documents:
        raise TrainingError(
            f"The corpus has {documents} documents and a codebook {codes} codes; give at least one document a "
            f"code, for example codebook_size={max(2, int(documents**0.5))}."
        )
