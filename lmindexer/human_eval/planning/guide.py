"""What an annotator reads before and while answering: the question, how to decide, worked examples of each type.

The examples are made up; no document of a study is among them. Screens (the explorer's page, the notebook's widget)
show a `Guide` as it is, so people who answer in either place go by the same words.
"""

from dataclasses import dataclass

TYPES = ("intruder", "pair", "coherence", "ab", "level", "collision")
SCALES = {name: "ordinal" if name == "coherence" else "nominal" for name in TYPES}  # what agreement may assume
PROMPTS = {
    "intruder": "Which document does not belong with the others?",
    "pair": "Which of the two documents belongs with the first one?",
    "coherence": "How well do these documents belong together?",
    "ab": "Which group belongs together more?",
    "level": "A group was divided into these parts. Does the division make sense?",
    "collision": "Are these two documents about the very same thing?",
}
RATINGS = {
    "1": "1: nothing in common",
    "2": "2: a loose connection",
    "3": "3: a broad subject, or two",
    "4": "4: one subject, but for one document",
    "5": "5: one clear subject",
}
YES_NO = {"yes": "Yes", "no": "No"}


@dataclass(frozen=True)
class Example:
    """A worked example: what is shown, the answer, and why it is that one.

    Attributes:
        shown: (label, text) of each document or group, in the order of the screen.
        answer: the answer's words on its button.
        why: one or two sentences.
    """

    shown: tuple[tuple[str, str], ...]
    answer: str
    why: str


@dataclass(frozen=True)
class Guide:
    """The guideline of one question type.

    Attributes:
        title: the type's name for people.
        task: what is asked, in one sentence.
        rules: how to decide, one sentence each.
        examples: worked examples, an easy one first.
    """

    title: str
    task: str
    rules: tuple[str, ...]
    examples: tuple[Example, ...]


GENERAL = (
    "Go by what the documents are about, not by their length, style or language.",
    "Decide by what you read here; there is no need to look anything up.",
    "First impressions are welcome: most answers take between five and thirty seconds.",
    "Skip only when you cannot decide at all, and say why. A guess between two is better than a skip.",
    "Please do not talk about answers with other annotators before the study has ended.",
)

_INTRUDER = Guide(
    "Which one does not belong?",
    "All documents but one come from the same group; find the one that was put in.",
    (
        "Look for what most of them have in common; the intruder is the one without it.",
        "When several things are in common, take the one that leaves exactly one document out.",
        "When nothing is in common, choose the one that stands farthest from the rest.",
    ),
    (
        Example(
            (
                ("Document 1", "A small songbird with a red breast that nests in hedges."),
                ("Document 2", "A wading bird with long legs and a bill that is curved upwards."),
                ("Document 3", "A hand tool with a toothed blade for cutting wood."),
                ("Document 4", "A bird of prey that hunts mice by night."),
            ),
            "Document 3",
            "Three are birds. The saw has no more to do with one of them than with another.",
        ),
        Example(
            (
                ("Document 1", "Shampoo for dry hair with argan oil."),
                ("Document 2", "Conditioner for damaged hair."),
                ("Document 3", "Hand cream with argan oil."),
                ("Document 4", "Hair mask, repairs split ends."),
            ),
            "Document 3",
            "Argan oil is in two of them, but care of the hair leaves exactly one out.",
        ),
    ),
)

_PAIR = Guide(
    "Which one goes with the first?",
    "One of the two documents below shares a group with the one at the top; say which.",
    (
        "Ask which of the two you would put on the same shelf as the first.",
        "The same subject counts more than the same words.",
        "When both fit, take the closer one; when neither does, the one that is less far away.",
    ),
    (
        Example(
            (
                ("The first", "A stringed instrument played with a bow and held under the chin."),
                ("Document 1", "The lowest of the bowed instruments in an orchestra."),
                ("Document 2", "A bow and arrows for shooting at targets."),
            ),
            "Document 1",
            "Both say “bow”, but only the first of the two is an instrument as well.",
        ),
        Example(
            (
                ("The first", "Attackers send e-mails with a link to a false login page."),
                ("Document 1", "Attackers leave an infected USB stick in a car park."),
                ("Document 2", "Attackers look for open ports on a server."),
            ),
            "Document 1",
            "In the first and in document 1 a person is deceived; a port scan deceives nobody.",
        ),
    ),
)

_COHERENCE = Guide(
    "How well do these belong together?",
    "Rate the group from 1 (nothing in common) to 5 (all about one clear subject).",
    (
        "5: one clear subject that you could name in two or three words, and every document fits.",
        "4: one clear subject, with a single document at its edge.",
        "3: a broad subject, or two subjects side by side.",
        "2: a loose connection between some of them. 1: none that you can see.",
        "Do not compare with groups you saw before; use the whole scale.",
    ),
    (
        Example(
            (("", "Trout"), ("", "Salmon"), ("", "Herring"), ("", "Pike")),
            "5",
            "All are fish, and “fish” names the group.",
        ),
        Example(
            (("", "Trout"), ("", "Salmon"), ("", "Fishing rod"), ("", "Violin")),
            "2",
            "Three have to do with fishing in a loose way, one with nothing of it.",
        ),
    ),
)

_AB = Guide(
    "Which group belongs together more?",
    "Each side shows one group; say whose documents have more to do with each other.",
    (
        "Judge each side for itself first, as on the scale from 1 to 5; then choose the higher one.",
        "Two clear subjects within a side make it weaker than one broad but single subject.",
        "A side does not win by being more interesting, longer or better written.",
    ),
    (
        Example(
            (("Group 1", "Apple · Pear · Plum · Quince"), ("Group 2", "Apple · Orchard · Ladder · Autumn")),
            "Group 1",
            "The right side tells a story, but the left one is a single kind of thing: fruit.",
        ),
        Example(
            (("Group 1", "Guitar · Hammer · Drum · Saw"), ("Group 2", "Oak · Rose · Fern · Moss")),
            "Group 2",
            "The left side has two subjects, instruments and tools; the right side is broad, but all are plants.",
        ),
    ),
)

_LEVEL = Guide(
    "Do these parts make sense?",
    "One group was split into parts; say whether the parts stand for different things.",
    (
        "Yes: you could give each part a name of its own, and the names would differ.",
        "No: documents could swap their parts and nobody would notice.",
        "The parts need not be perfect: one stray document does not spoil a split.",
    ),
    (
        Example(
            (("Part 1", "Eagle · Owl · Falcon"), ("Part 2", "Duck · Goose · Swan")),
            "Yes",
            "Birds of prey on one side, water birds on the other.",
        ),
        Example(
            (("Part 1", "Eagle · Duck · Swan"), ("Part 2", "Goose · Owl · Falcon")),
            "No",
            "Both parts mix birds of prey with water birds; no name fits one and not the other.",
        ),
    ),
)

_COLLISION = Guide(
    "Are these near-duplicates?",
    "Two documents are shown; say whether they are about the very same thing.",
    (
        "Yes: the same thing in other words, another size, colour or edition of it, or a copy.",
        "No: two different things, even of the same kind.",
    ),
    (
        Example(
            (("Document 1", "Hand soap, lavender, 250 ml"), ("Document 2", "Lavender hand soap, twin pack 2 × 250 ml")),
            "Yes",
            "One product in two pack sizes.",
        ),
        Example(
            (("Document 1", "Hand soap, lavender, 250 ml"), ("Document 2", "Lavender candle, 40 hours")),
            "No",
            "They share a scent, but nobody who looks for the one would take the other.",
        ),
    ),
)

GUIDES = {
    "intruder": _INTRUDER,
    "pair": _PAIR,
    "coherence": _COHERENCE,
    "ab": _AB,
    "level": _LEVEL,
    "collision": _COLLISION,
}
SKIP_REASONS = (
    "I know too little about this",
    "The text cannot be read",
    "No answer fits",
    "Another reason (see my comment)",
)


def guide_of(kind: str) -> Guide:
    """The guideline of a question type.

    >>> guide_of("intruder").title
    'Which one does not belong?'
    """
    return GUIDES[kind]
