"""Shelf: the runs in the folders a person gave, of indexers and of task models, found by key, never by a path."""

from dataclasses import dataclass
from pathlib import Path

from lmindexer.common.arguments import resolved
from lmindexer.common.errors import BundleError
from lmindexer.common.kinds import PATH, several, takes
from lmindexer.runs.bundle import CHECKPOINTS, Bundle, find_bundles
from lmindexer.runs.manifest import MANIFEST, recognise
from lmindexer.runs.task_run import TaskRun, find_task_runs


@dataclass(frozen=True)
class Broken:
    """A folder that should hold a run but cannot be opened, and why."""

    path: Path
    reason: str


class Shelf:
    """The runs under some folders; each folder may be a run itself or hold runs.

    Keys are folder names (made unique by "~2", "~3", …). `get` looks a key up among what was found and never
    builds a path from it, so no key can reach outside the folders; symbolic links that lead out are refused.

    Attributes:
        folders: as given, resolved.
        runs: {key: Bundle}, in the order of the folders and then by name.
        task_runs: {key: TaskRun}, runs of task models, in the same order.
        broken: what could not be opened.
        unfinished: folders of fits that are still going on or were stopped.

    >>> Shelf(["no/such/folder"]).runs
    {}
    """

    @takes(folders=several(PATH, "a list of folders"))
    def __init__(self, folders):
        self.folders = [resolved(folder) for folder in folders]
        self.runs: dict[str, Bundle] = {}
        self.task_runs: dict[str, TaskRun] = {}
        self.broken: list[Broken] = []
        self.unfinished: list[Path] = []
        for folder in dict.fromkeys(self.folders):
            self._add_folder(folder)

    def get(self, key: str) -> Bundle | None:
        """The run of this key, or None."""
        return self.runs.get(key)

    def _add_folder(self, folder: Path) -> None:
        try:
            if (folder / MANIFEST).exists():
                kind = TaskRun if "task" in recognise(folder) else Bundle
                self._add(kind.open(folder), folder)
                return
            found, broken = find_bundles(folder)
            answering, unreadable = find_task_runs(folder)
        except (BundleError, OSError) as error:
            self.broken.append(Broken(folder, str(error)))
            return
        for run in (*found, *answering):
            self._add(run, folder)
        for path, error in {path: error for path, error in (*unreadable, *broken)}.items():
            unfinished = (path / CHECKPOINTS).is_dir() and not (path / MANIFEST).exists()
            self.unfinished += [path] if unfinished else []
            self.broken += [] if unfinished else [Broken(path, str(error))]

    def _add(self, run: Bundle | TaskRun, folder: Path) -> None:
        stray = leads_out(run, folder)
        if stray is not None:
            reason = f"{stray} leads out of {folder} by a symbolic link; copy the run into the folder."
            self.broken.append(Broken(run.path, reason))
            return
        known = self.task_runs if isinstance(run, TaskRun) else self.runs
        if any(run.path == other.path for other in known.values()):
            return
        key, number = run.path.name, 2
        while key in known:
            key, number = f"{run.path.name}~{number}", number + 1
        known[key] = run


def leads_out(bundle: Bundle | TaskRun, folder: Path) -> Path | None:
    """The first file of a run that does not lie under `folder` once links are followed, or None."""
    folder = resolved(folder)
    for path in (bundle.path, *(bundle.path / name for name in bundle.manifest["files"])):
        if not resolved(path).is_relative_to(folder):
            return path
    return None
