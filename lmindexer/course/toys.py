"""Small worlds for the course: six documents that fit on a page, and a shop whose every word is known."""

import random

import torch
from torch import Tensor

from lmindexer.corpus.corpus import Corpus

# Notebook 01 gives some of their words an arrow: ball right, doll up, headset left, console down.
SIX_DOCUMENTS = (
    "a red ball that bounces",
    "a soft ball for a small child",
    "a doll in a red dress",
    "a headset with a loud sound",
    "a headset for a game on a console",
    "a console that plays a game",
)

# (department, shelf) -> what its goods are called in
SHELVES = {
    ("toys", "balls"): "ball bounce throw catch round rubber",
    ("toys", "dolls"): "doll dress hair cradle ribbon smile",
    ("toys", "blocks"): "block stack tower brick build castle",
    ("kitchen", "knives"): "knife blade slice sharp steel edge",
    ("kitchen", "pots"): "pot boil lid stew simmer soup",
    ("kitchen", "ovens"): "oven bake crust bread roast tray",
    ("garden", "plants"): "plant leaf root soil flower seed",
    ("garden", "spades"): "spade dig trench handle earth shovel",
    ("garden", "hoses"): "hose spray water nozzle lawn sprinkle",
    ("music", "drums"): "drum beat stick cymbal rhythm snare",
    ("music", "guitars"): "guitar string chord strum fret tune",
    ("music", "flutes"): "flute breath whistle reed melody wind",
}
DEPARTMENT_WORDS = {
    "toys": "play child fun party",
    "kitchen": "cook meal taste dinner",
    "garden": "grow yard outdoor green",
    "music": "sound concert band song",
}


def shop(goods: int = 240, seed: int = 0) -> Corpus:
    """A made-up shop: 4 departments with 3 shelves each, `goods` documents that stand on the shelves in turn.

    A document says four words of its shelf, three of its department and one of any shelf, shuffled. So a perfect
    c¹ (K = 4) names the department and a perfect c² (K = 3) the shelf; both are known (`corpus.labels`).

    >>> shop(24).labels(1)[:2].tolist(), len(shop(24))
    (['toys', 'toys'], 24)
    """
    drawn, shelves = random.Random(seed), list(SHELVES.items())
    every = " ".join(SHELVES.values()).split()
    records = []
    for number in range(goods):
        (department, shelf), words = shelves[number % len(shelves)]
        said = drawn.sample(words.split(), 4) + drawn.sample(DEPARTMENT_WORDS[department].split(), 3)
        said.append(drawn.choice(every))
        drawn.shuffle(said)
        records.append({"doc_id": f"g{number}", "text": " ".join(said), "department": department, "shelf": shelf})
    return Corpus.from_records(records, name="shop", id="doc_id", text="text", category=["department", "shelf"])


def six_codebook() -> Tensor:
    """The codebook of four that notebook 01 draws: right, up, left, down, each 2.5 long; [4, 2]."""
    return 2.5 * torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
