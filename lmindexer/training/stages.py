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


def check_size(documents: int, codes: int) -> None:
    """Raise TrainingError where a codebook has more codes than there are documents."""
    if codes > documents:
        raise TrainingError(
            f"The corpus has {documents} documents and a codebook {codes} codes; give at least one document a "
            f"code, for example codebook_size={max(2, int(documents**0.5))}."
        )
