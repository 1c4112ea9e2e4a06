"""Documents as tokens: one flat array for the corpus, the vocabulary that occurs in it, and what each word is worth.

A corpus of N documents is kept as `ids` [Σ L_d] beside `offsets` [N + 1]; a batch is gathered by one index.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS
from torch import Tensor

CHARACTERS = 16  # of a text that are looked at for each token wanted; English has four to five a token
LONGEST_WORD = 200  # characters; tokenizers read longer ones as unknown
UNKNOWN = 0.2  # of the tokens; from here on a tokenizer is the wrong one
AT_ONCE = 10_000  # texts: a token takes 4 bytes here, but hundreds in a tokenizer's answer
OTHER = 0  # the vocabulary's place for any token that did not occur when it was made


@dataclass(frozen=True)
class TokenisedDocuments:
    """ids [Σ L_d] of the tokenizer, offsets [N + 1]."""

    ids: np.ndarray
    offsets: np.ndarray

    @classmethod
    def from_texts(cls, texts: list[str], tails: list[str] | None, tokenizer, max_length: int):
        """Cut each text to `max_length` tokens; a tail (the category text) is kept and the text before it cut."""
        flat, lengths = [np.zeros(0, np.int32)], [np.zeros(1, np.int64)]
        for first in range(0, len(texts), AT_ONCE):
            some = slice(first, first + AT_ONCE)
            if tails is None:
                rows = _beginnings(texts[some], tokenizer, max_length, truncation=True, max_length=max_length)
            else:
                rows = _with_tails(texts[some], tails[some], tokenizer, max_length)
            lengths.append(np.fromiter((len(row) for row in rows), np.int64, len(rows)))
            flat.append(np.fromiter((token for row in rows for token in row), np.int32, int(lengths[-1].sum())))
        return cls(np.concatenate(flat), np.concatenate(lengths).cumsum())

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> np.ndarray:
        return np.diff(self.offsets)

    @property
    def rows(self) -> np.ndarray:
        """The document of each token, [Σ L_d]."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def place(self, documents: Tensor) -> tuple[Tensor, Tensor]:
        """Where the tokens of a batch lie: (index [B, L] into the flat array, present [B, L])."""
        offsets = torch.from_numpy(self.offsets)
        first, length = offsets[documents], offsets[documents + 1] - offsets[documents]
        step = torch.arange(int(length.max()))
        present = step < length[:, None]  # [B, L]
        return torch.where(present, first[:, None] + step, first[:, None]), present


def told_unknown(documents: TokenisedDocuments, tokenizer, name: str) -> str:
    """A sentence where a tokenizer does not know much of the texts, as MiniLM's English pieces of Hindi or Thai.

    Where a fifth of the tokens or more are its unknown token, documents can hardly be told apart; "" elsewhere.
    """
    unknown = tokenizer.unk_token_id
    share = float((documents.ids == unknown).mean()) if unknown is not None and len(documents.ids) else 0.0
    if share < UNKNOWN:
        return ""
    return (
        f"{name} does not know {share:.0%} of what it reads here: these texts are in a writing that it has not "
        "learned, and whole words become one unknown token. Choose a model of many languages (backbone='google/"
        "mt5-small', or a sentence model's folder as embeddings), or embeddings='tfidf', which reads every writing."
    )


def _beginnings(texts: list[str], tokenizer, tokens: int, **how) -> list[list[int]]:
    """The first `tokens` tokens of each text at least, without a look at the rest of a long one.

    A text is cut at white space, where no word is cut, and tokenised anew at a later place if that was too early.
    """
    rows = tokenizer([beginning(text, CHARACTERS * tokens) for text in texts], **how)["input_ids"]
    characters = CHARACTERS * tokens
    short = [place for place, text in enumerate(texts) if len(text) > characters and len(rows[place]) < tokens]
    while short:
        characters *= 8
        for place, row in zip(
            short, tokenizer([beginning(texts[place], characters) for place in short], **how)["input_ids"], strict=True
        ):
            rows[place] = row
        short = [place for place in short if len(texts[place]) > characters and len(rows[place]) < tokens]
    return rows


def beginning(text: str, characters: int) -> str:
    """At most so many characters of a text, up to the last white space among them if one is near."""
    if len(text) <= characters:
        return text
    near = range(characters, max(characters - LONGEST_WORD, 0), -1)
    return text[: next((place for place in near if text[place].isspace()), characters)]


def _with_tails(texts, tails, tokenizer, max_length) -> list[list[int]]:
    """[text cut short][tail], with the tokenizer's special tokens around the whole."""
    around = tokenizer("")["input_ids"]  # [CLS][SEP] or </s>
    opening = [token for token in around[:-1] if token in (tokenizer.cls_token_id, tokenizer.bos_token_id)]
    closing = around[len(opening) :]
    room = max_length - len(around)
    heads = _beginnings(texts, tokenizer, room, add_special_tokens=False, verbose=False)
    ends = tokenizer(tails, add_special_tokens=False, verbose=False)["input_ids"]
    rows = []
    for head, end in zip(heads, ends, strict=True):
        end = end[: room // 2]  # never more than half: the text must be heard too
        rows.append(opening + head[: room - len(end)] + end + closing)
    return rows


class Vocabulary:
    """The tokens that occur in a corpus, numbered 1 … V-1; 0 is for any other token.

    Scoring these alone, and not all 30,000 of a tokenizer, is what makes a step cheap on a CPU.

    token_ids [V]  tokenizer id of each word (that of the padding token for 0)
    documents [V]  in how many documents each occurs
    special [V]    True for the tokenizer's special tokens and for place 0
    content [V]    True for words that say something: not special, not a stop word, with a letter in it
    """

    def __init__(self, token_ids: np.ndarray, documents: np.ndarray, corpus_size: int, tokenizer):
        self.token_ids = np.asarray(token_ids, dtype=np.int64)
        self.documents = np.asarray(documents, dtype=np.int64)
        self.corpus_size = int(corpus_size)
        self.special = np.isin(self.token_ids, tokenizer.all_special_ids)
        self.special[OTHER] = True
        self.content = _says_something(self.token_ids, tokenizer) & ~self.special
        self._place = np.zeros(max(len(tokenizer), int(self.token_ids.max()) + 1), dtype=np.int32)
        self._place[self.token_ids[1:]] = np.arange(1, len(self.token_ids))

    @classmethod
    def from_documents(cls, documents: TokenisedDocuments, tokenizer) -> "Vocabulary":
        occurring = np.unique(documents.ids)
        place = np.searchsorted(occurring, documents.ids)
        pairs = sparse.coo_matrix(
            (np.ones(len(place), bool), (documents.rows, place)), (len(documents), len(occurring))
        ).tocsr()
        frequency = np.asarray((pairs > 0).sum(0)).ravel()
        first = tokenizer.pad_token_id or 0
        return cls(np.concatenate([[first], occurring]), np.concatenate([[0], frequency]), len(documents), tokenizer)

    def __len__(self) -> int:
        return len(self.token_ids)

    def words(self, ids: np.ndarray) -> np.ndarray:
        """Tokenizer ids to places in this vocabulary."""
        return self._place[ids]

    def idf(self) -> np.ndarray:
        """log(N / df), [V]; 0 for words that occur nowhere."""
        df = np.maximum(self.documents, 1)
        return np.where(self.documents > 0, np.log(self.corpus_size / df), 0.0)

    def salience(self, prefixes: int, weights: str = "salience", floor: float = 0.25) -> np.ndarray:
        """What each word is worth as a target of reconstruction, [V].

        weights="all":      1 for every token but the special ones (the slides).
        weights="salience": log(N / df) for content words in at least floor · N / prefixes documents, else 0.
            A code that one document in K shares cannot say a word that one in a hundred thousand has, so
            position 1 is asked for coarse words and later positions for finer ones.
        """
        if weights == "all":
            return ((self.documents > 0) & ~self.special).astype(np.float32)
        least = max(3.0, floor * self.corpus_size / prefixes)
        kept = self.content & (self.documents >= least)
        if not kept.any():  # a handful of documents: every content word counts
            kept = self.content
        worth = self.idf() * kept
        if not worth.any():  # no content words, or all documents alike: idf cannot tell words apart
            return self.salience(prefixes, "all")
        return worth.astype(np.float32)


def _says_something(token_ids: np.ndarray, tokenizer) -> np.ndarray:
    words = tokenizer.convert_ids_to_tokens(token_ids.tolist())
    plain = [word.lstrip("▁Ġ").removeprefix("##").lower() for word in words]
    return np.array([any(c.isalpha() for c in w) and w not in ENGLISH_STOP_WORDS for w in plain])
