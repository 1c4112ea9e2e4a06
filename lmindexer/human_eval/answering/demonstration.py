"""The bundled demonstration study, answered by simulated annotators only."""

import shutil
import tempfile
from pathlib import Path

from lmindexer.common.errors import StudyError
from lmindexer.common.kinds import PATH, takes
from lmindexer.datasets import samples_folder
from lmindexer.human_eval.answering.study import Study

NAME = "wordnet-demonstration"


def demonstration_file() -> Path:
    """Where the bundled study lies; it is opened by `open_demonstration`, never in place."""
    return samples_folder() / "studies" / f"{NAME}.sqlite"


@takes(folder=PATH)
def open_demonstration(folder: str | Path | None = None) -> Study:
    """Open a copy of the bundled demonstration study: an installation may be read-only, and the original stays as is.

    Its annotators are simulated; it shows what results look like and is no evidence about any method.

    Args:
        folder: for the copy; a temporary one when left out.

    Raises:
        StudyError: when it is missing from this installation, or cannot be copied.

    >>> with open_demonstration() as study:
    ...     study.simulated, study.unblinded
    (True, True)
    """
    source = demonstration_file()
    if not source.is_file():
        raise StudyError(f"{source}: the demonstration study is missing; install lmindexer again.")
    try:
        folder = Path(tempfile.mkdtemp(prefix="lmindexer-study-")) if folder is None else Path(folder)
        copy = folder / source.name
        shutil.copyfile(source, copy)
    except OSError as error:
        raise StudyError(f"The demonstration cannot be copied to {folder} ({error.strerror}); free space.") from error
    return Study.open(copy)
