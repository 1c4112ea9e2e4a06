"""What a study is: named runs of indexers over corpora, and where each of them is kept."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from lmindexer.common.errors import SettingsError
from lmindexer.common.jsonfiles import json_safe
from lmindexer.common.kinds import MAPPING, TEXT, TRUTH, WHOLE, kind_of, several, taken, takes
from lmindexer.corpus.corpus import Corpus

INSIDE = ".study"  # folder of a study's own files, beside the runs' bundles


@dataclass(frozen=True)
class Method:
    """A line of a table: how it is called there, the indexer's method name, its settings.

    kind: "lmindexer", "two-step" (an embedding, then a clustering of it) or "control" (floors, ceilings, and other
    ways that are no semantic indexer of the slides).
    """

    label: str
    method: str
    settings: Mapping = field(default_factory=dict)
    kind: str = "lmindexer"

    def __post_init__(self):
        for name, kind in {"label": TEXT, "method": TEXT, "settings": MAPPING, "kind": TEXT}.items():
            taken(f"Method: {name}", kind, getattr(self, name))


@dataclass(frozen=True)
class Run:
    """One fit of a study. `settings` are the indexer's own; seed and category_text are given to it beside them."""

    corpus: str
    category_text: bool
    label: str
    method: str
    seed: int
    settings: Mapping = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name of its folder.

        >>> Run("amazon-beauty", True, "rq-VAE, MiniLM", "rqvae", 2).name
        'amazon-beauty.with.rq-vae-minilm.s2'
        """
        text = "with" if self.category_text else "without"
        return f"{slug(self.corpus)}.{text}.{slug(self.label)}.s{self.seed}"

    def to_dict(self) -> dict:
        return json_safe(asdict(self))


@dataclass(frozen=True)
class Study:
    """Runs that are looked at together.

    Attributes:
        name: of the folder; also how the command line calls the study.
        runs: in the order they are made; whole seeds first, so that a study cut short is even.
        corpora: name → corpus.
        folder: holds one bundle a run, which the explorer opens.
        methods: the lines of its tables, in order.
        options: what was asked for, for the report.
        records: file of finished runs whose bundles may be elsewhere (`records.Records`), or None.
    """

    name: str
    runs: tuple[Run, ...]
    corpora: Mapping[str, Corpus]
    folder: Path
    methods: tuple[Method, ...] = ()
    options: Mapping = field(default_factory=dict)
    records: Path | None = None

    def __post_init__(self):
        names = [run.name for run in self.runs]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise SettingsError(f"Two runs of the study {self.name!r} are called {twice[0]!r}; give them two labels.")

    def path(self, run: Run) -> Path:
        """Folder of a run's bundle."""
        return self.folder / run.name

    def inside(self, *parts: str) -> Path:
        """A path among the study's own files."""
        return self.folder.joinpath(INSIDE, *parts)

    def only(self, methods: Sequence[str]) -> "Study":
        """The same study with some of its methods: by label, or all whose label begins so."""
        if not methods:
            return self
        labels: set[str] = set()
        for wanted in methods:
            alike = [m.label for m in self.methods if m.label.lower() == wanted.lower()]
            alike = alike or [m.label for m in self.methods if m.label.lower().startswith(wanted.lower())]
            if not alike:
                known = "; ".join(method.label for method in self.methods)
                raise SettingsError(f"No method is called {wanted!r}; there are: {known}.")
            labels.update(alike)
        kept = tuple(method for method in self.methods if method.label in labels)
        return replace(self, runs=tuple(run for run in self.runs if run.label in labels), methods=kept)


METHODS = several(kind_of(Method, "a Method", "Give such as [Method('x', 'random')]."), "a list of Method objects")


@takes(corpora=several(TEXT, "a list of names"), texts=several(TRUTH), methods=METHODS, seeds=several(WHOLE))
def cross(
    corpora: Iterable[str], texts: Iterable[bool], methods: Iterable[Method], seeds: Iterable[int]
) -> tuple[Run, ...]:
    """Every method on every corpus and text under every seed; whole seeds first.

    >>> runs = cross(["a", "b"], [True], [Method("X", "random")], [0, 1])
    >>> [(run.corpus, run.seed) for run in runs]
    [('a', 0), ('b', 0), ('a', 1), ('b', 1)]
    """
    corpora, texts, methods = list(corpora), list(texts), list(methods)
    return tuple(
        Run(corpus, text, method.label, method.method, int(seed), dict(method.settings))
        for seed in seeds
        for corpus in corpora
        for text in texts
        for method in methods
    )


def slug(text: str) -> str:
    """Letters, digits and "-" only, for names of folders.

    >>> slug("LMIndexer, slides' losses")
    'lmindexer-slides-losses'
    """
    return re.sub(r"[^a-z0-9]+", "-", text.lower().replace("'", "")).strip("-")[:60] or "x"
