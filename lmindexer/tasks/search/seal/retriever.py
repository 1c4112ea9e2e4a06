"""`SEAL`: search by generating n-grams of the right document (Bevilacqua et al., 2022)."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from lmindexer.common.kinds import COUNT, NUMBER, TEXT, takes
from lmindexer.indexers.model_folder import read_model, write_model
from lmindexer.model.backbones import minilm_folder
from lmindexer.tasks.base import Task, register
from lmindexer.tasks.fitting import FitSettings, Fitting, train
from lmindexer.tasks.metrics import Rankings
from lmindexer.tasks.search.base import SearchModel, mean_ndcg, top_of
from lmindexer.tasks.search.seal.generator import Generated, NGramGenerator, constrained_beam
from lmindexer.tasks.search.seal.index import NGramIndex
from lmindexer.tasks.search.seal.scoring import ALPHA, BETA, rank_by_ngrams
from lmindexer.tasks.search.setting_rules import checked_settings
from lmindexer.tasks.search.training_pairs import TrainingPairs, batches_of
from lmindexer.two_step.embeddings.encoder import load_encoder

QUERY_TOKENS, DOCUMENT_TOKENS = 64, 256


@register
class SEAL(SearchModel):
    """A small seq2seq writes n-grams that exist in the corpus; documents are ranked by those they hold.

    For each training query an n-gram of its right document is the target: half of the time the document's beginning
    (its title), else a run of tokens drawn anew, more often one that shares words with the query. Decoding is a beam
    over n-grams of a suffix array (`index`), and `scoring` weighs what it kept.

    Args:
        encoder: of queries, frozen, with the tokenizer: "minilm", or the name or folder of a BERT-like model.
        longest: tokens of an n-gram at most.
        beam: n-grams kept after each word.
        validate_on: validation queries that an epoch is judged by (decoding is slow: about 5 queries a second).
        device: "auto" takes a GPU where there is one.

    >>> SEAL(epochs=4).fit(task).search("a ball for my little son")                      # doctest: +SKIP
    """

    method = "seal"
    label = "SEAL"

    @takes(encoder=TEXT, epochs=COUNT, learning_rate=NUMBER, batch=COUNT, beam=COUNT, seed=COUNT, name=TEXT)
    def __init__(
        self,
        *,
        encoder: str = "minilm",
        epochs: int = 4,
        learning_rate: float = 1e-3,
        batch: int = 32,
        layers: int = 1,
        longest: int = 10,
        beam: int = 15,
        alpha: float = ALPHA,
        beta: float = BETA,
        validate_on: int = 100,
        seed: int = 0,
        name: str | None = None,
        device: str = "auto",
    ):
        super().__init__(name, device)
        settings = {"encoder": str(encoder), "epochs": epochs, "learning_rate": learning_rate, "batch": batch}
        settings |= {"layers": layers, "longest": longest, "beam": beam, "alpha": alpha, "beta": beta}
        self.settings = checked_settings(settings | {"validate_on": validate_on, "seed": seed})
        self.index_: NGramIndex | None = None
        self.generator_: NGramGenerator | None = None
        self._network = None
        self._memory: dict[str, np.ndarray] = {}

    # ---- fit -----------------------------------------------------------------------------------------------------

    def _fit(self, task: Task, fitting: Fitting) -> None:
        settings = self.settings
        torch.manual_seed(settings["seed"])
        self._prepare(task)
        self.to(self.device)
        texts = task.texts("train")
        pairs = TrainingPairs(task.judgements("train"), np.zeros((len(texts), 1), np.float32))
        rated = task.judgements("validation").take(
            np.arange(min(settings["validate_on"], len(task.texts("validation"))))
        )
        asked = task.texts("validation")[: rated.queries]

        def gather(batch) -> tuple:
            queries, documents, seed = batch
            random = np.random.default_rng(seed)
            targets = [self._target(texts[q], int(d), random) for q, d in zip(queries, documents, strict=True)]
            return *self._states([texts[q] for q in queries]), *_padded(targets)

        def batches(epoch: int) -> list:
            parts = batches_of(*pairs.epoch(epoch, settings["seed"]), settings["batch"])
            return [(*part, (settings["seed"], epoch, place)) for place, part in enumerate(parts)]

        def validate() -> dict[str, float]:
            return {"NDCG@10": mean_ndcg(self.rank_texts(asked, 50), rated)} if asked else {}

        plan = {"epochs": settings["epochs"], "learning_rate": settings["learning_rate"], "seed": settings["seed"]}
        self.history_ = train(
            self.generator_,
            FitSettings(**plan, weight_decay=0.01, warmup_steps=50, schedule="cosine", clip=1.0),
            batches=batches,
            gather=gather,
            loss=self.generator_.loss,
            fitting=fitting,
            validate=validate,
            watch="NDCG@10",
            title="SEAL",
        )
        self.generator_.eval()
        self._memory.clear()

    def _prepare(self, task: Task) -> None:
        """Tokenizer, encoder, the corpus's own vocabulary, the index and an untrained generator."""
        name = self.settings["encoder"]
        self._tokenizer, self._network = load_encoder(minilm_folder() if name == "minilm" else name)
        found = self._tokenizer(
            task.corpus.documents(),
            add_special_tokens=False,
            truncation=True,
            max_length=DOCUMENT_TOKENS,
            verbose=False,
        )["input_ids"]
        self._known = np.unique(np.concatenate([np.asarray(ids, np.int64) for ids in found]))
        self._documents = [np.searchsorted(self._known, ids).astype(np.int32) for ids in found]
        self.index_ = NGramIndex(self._documents, self.settings["longest"])
        words = self._network.get_input_embeddings().weight.detach()[self._known].clone()
        self.generator_ = NGramGenerator(words, self.settings["layers"])

    def _target(self, query: str, document: int, random) -> np.ndarray:
        """The n-gram a query should write for a document: [≤ longest] tokens."""
        tokens, longest = self._documents[document], self.settings["longest"]
        if len(tokens) <= longest or random.random() < 0.5:
            return tokens[:longest]
        asked = self._numbers(query)
        starts = np.arange(len(tokens) - longest + 1)
        shared = np.convolve(np.isin(tokens, asked), np.ones(longest), "valid")
        weight = 1.0 + 4.0 * shared
        return tokens[(start := int(random.choice(starts, p=weight / weight.sum()))) : start + longest]

    def _numbers(self, text: str) -> np.ndarray:
        ids = np.asarray(self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"], dtype=np.int64)
        return np.searchsorted(self._known, ids[np.isin(ids, self._known)])

    # ---- search --------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def _states(self, texts: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]:
        """The encoder's states [B, L, d] of queries and where there are tokens [B, L]; kept while a fit lasts."""
        unknown = [text for text in dict.fromkeys(texts) if text not in self._memory]
        if unknown:
            tokens = self._tokenizer(
                unknown, return_tensors="pt", padding=True, truncation=True, max_length=QUERY_TOKENS, verbose=False
            )
            found = self._network(**tokens.to(self.device)).last_hidden_state.cpu()
            lengths = tokens["attention_mask"].sum(1).tolist()
            for text, states, length in zip(unknown, found, lengths, strict=True):
                self._memory[text] = states[:length].half().numpy()
        kept = [torch.from_numpy(self._memory[text]).float() for text in texts]
        states = torch.nn.utils.rnn.pad_sequence(kept, batch_first=True)
        lengths = torch.tensor([len(part) for part in kept])
        return states, torch.arange(states.shape[1])[None] < lengths[:, None]

    def ngrams(self, query: str):
        """The n-grams written for a query, as text, with log P: [(text, log P)], the most probable first."""
        made = self._made(query)
        text = [self._tokenizer.decode(self._known[list(ngram)].tolist()) for ngram in made.ngrams]
        return sorted(zip(text, made.log_p.tolist(), strict=True), key=lambda pair: -pair[1])

    def _made(self, query: str) -> Generated:
        """The n-grams that the beam writes for a query."""
        states, present = (part.to(self.device) for part in self._states([query]))
        return constrained_beam(
            self.generator_, self.index_, states, present, self.settings["beam"], self.settings["longest"]
        )

    def _networks(self):
        return self.generator_, self._network

    def rank_texts(
        self, texts: Sequence[str], depth: int, *, allow: np.ndarray | None = None, progress: bool = False
    ) -> Rankings:
        self.check_fitted()
        parts, settings = [], self.settings
        self.generator_.eval()
        for text in texts:
            made = self._made(text)
            scores = rank_by_ngrams(self.index_, made.ngrams, made.log_p, settings["alpha"], settings["beta"])
            scores = scores if allow is None else np.where(allow, scores, -np.inf)
            parts.append(top_of(scores[None], depth))
        if not parts:
            return Rankings(np.zeros((0, depth), np.int64), np.zeros((0, depth)))
        return Rankings(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("documents", "scores")))

    # ---- save and load -------------------------------------------------------------------------------------------

    def _save_model(self, folder: Path) -> None:
        write_model(folder, f"lmindexer-{self.method}", {}, dict(self.generator_.state_dict()))

    @classmethod
    def _load_model(cls, folder: Path, task: Task, settings: dict) -> "SEAL":
        model = cls(**settings)
        _, tensors = read_model(folder, f"lmindexer-{cls.method}")
        model._prepare(task)  # the index is made again: seconds, against hundreds of megabytes
        model.generator_.load_state_dict(tensors)
        model.generator_.eval()
        return model


def _padded(targets: list[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
    """(tokens [B, m], real [B, m])."""
    lengths = torch.tensor([len(target) for target in targets])
    tokens = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(t.astype(np.int64)) for t in targets], batch_first=True)
    return tokens, torch.arange(tokens.shape[1])[None] < lengths[:, None]
