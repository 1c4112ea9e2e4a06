"""What a public data set is, where its files are to be had, and how a folder with them is searched."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lmindexer.common.errors import CorpusError


@dataclass(frozen=True)
class Source:
    """A public data set that this package reads but does not bundle.

    Attributes:
        name: what `lmindexer data prepare` calls it.
        what: in a few words.
        files: the official files, in words.
        where: where to get them.
        licence: their terms.
        prepare: (RawFolder, Reading, out folder, **options) → what `write_prepared` says.
        options: keyword of `prepare` → what it does.
        slides: count → the slides' number, to stand beside ours.
        note: what to beware of when comparing with the slides.
    """

    name: str
    what: str
    files: str
    where: str
    licence: str
    prepare: Callable
    options: Mapping[str, str] = field(default_factory=dict)
    slides: Mapping[str, int] = field(default_factory=dict)
    note: str = ""


class RawFolder:
    """A folder with official files, also in folders below it; each may be gzipped or not."""

    def __init__(self, path: str | Path, source: Source):
        self.path, self.source = Path(path), source
        if not self.path.exists():
            raise CorpusError(f"{path}: there is no such folder. {self.remedy}")
        found = [self.path] if self.path.is_file() else sorted(self.path.rglob("*"))
        self.files = [file for file in found if file.is_file()]

    @property
    def remedy(self) -> str:
        """Where the files come from, and their licence."""
        about = self.source
        return f"{about.name} needs {about.files}. Get them at {about.where}. Licence: {about.licence}."

    def find(self, *names: str) -> Path | None:
        """The first file of one of these names (".gz" may follow), in their order; None when none is there."""
        for name in names:
            for file in self.files:
                if file.name in (name, f"{name}.gz"):
                    return file
        return None

    def need(self, *names: str) -> Path:
        """As `find`; raises CorpusError that says where the files come from."""
        found = self.find(*names)
        if found is None:
            raise CorpusError(f"{self.path}: there is no {' or '.join(names)} (nor with .gz). {self.remedy}")
        return found
