"""`LMIndexer`: language models as semantic indexers, with the four verbs."""

import time
from pathlib import Path

import numpy as np
import torch

from lmindexer.common.arguments import device_named, expect_path, path_of
from lmindexer.common.errors import BundleError, TrainingError
from lmindexer.common.forecast import Forecast
from lmindexer.common.processes import Processes, processes
from lmindexer.common.progress import Progress, history_frame
from lmindexer.corpus.checks import warn_caller
from lmindexer.corpus.corpus import Corpus, expect_corpus
from lmindexer.ids.semantic_ids import SemanticIDs
from lmindexer.indexers.base import Indexer
from lmindexer.indexers.inspection import DocumentScorer, reconstruction_table
from lmindexer.indexers.model_folder import CONFIG, WEIGHTS, read_model, taking_up, write_model
from lmindexer.model.backbones import make_backbone
from lmindexer.model.lexical import LexicalStart
from lmindexer.model.model import IndexerModel
from lmindexer.model.tokens import TokenisedDocuments, Vocabulary, told_unknown
from lmindexer.runs.bundle import CHECKPOINTS, check_target
from lmindexer.runs.checkpoints import Checkpoints, unshared
from lmindexer.runs.lock import one_fit_in
from lmindexer.settings.settings import Settings, make_settings
from lmindexer.training.all_documents import for_all_documents
from lmindexer.training.encoding import EncodedCorpus, encode_corpus
from lmindexer.training.stages import expected_costs
from lmindexer.training.training import Training, salience_at

AT_ONCE = 2048  # new documents whose token states are held together: about 200 MB


class LMIndexer(Indexer):
    """Learns semantic IDs by sequential discrete auto-reconstruction (arXiv 2310.07815).

    preset:   "minilm" (default; a laptop), "tiny" (seconds; tests and first notebooks) or "slides" (the slides'
              form; wants a T5 and a GPU).
    settings: any field of `lmindexer.settings.settings.Settings`; an unknown one is an error with the nearest name.
    device:   "auto" takes a GPU where there is one.

    >>> indexer = LMIndexer(positions=2, codebook_size=16)
    >>> indexer.codebook_sizes
    (16, 16)
    """

    method = "lmindexer"

    def __init__(self, preset: str = "minilm", *, device: str = "auto", **settings):
        super().__init__()
        self._settings: Settings = make_settings(preset, **settings)
        self.settings = {"preset": preset} | self._settings.to_dict()
        self.device = device_named(device)
        self.model_: IndexerModel | None = None
        self.vocabulary_: Vocabulary | None = None
        self.encoded_: EncodedCorpus | None = None  # what it was fitted on; not kept in a bundle
        self.lexical_: LexicalStart | None = None
        self.state_axes_: np.ndarray | None = None  # [d, r], where states are kept by their leading axes

    @property
    def codebook_sizes(self) -> tuple[int, ...]:
        return self._settings.codebook_sizes

    @property
    def codebooks_(self) -> list[np.ndarray]:
        """The learned codebooks E^1 … E^T, each [K, d]."""
        self._check_fitted()
        return [book.rows.detach().float().cpu().numpy() for book in self.model_.codebooks]

    # ---- fit -------------------------------------------------------------------------------------------------

    def fit(
        self, corpus: Corpus, run: str | Path | None = None, *, progress: bool | Progress = True, resume: bool = True
    ) -> "LMIndexer":
        """Learn codebooks, model and IDs of a corpus.

        run:     folder for the run. Killed at any moment, the same call goes on from the last checkpoint in
                 `run`/checkpoints; at the end the bundle stands in `run`.
        progress: True shows bars, False nothing; a `Progress` of your own hears of every step and epoch, and an error
                 that it raises stops the fit.
        resume:  False throws an unfinished run's checkpoints away.

        Raises SettingsError, TrainingError (corpus smaller than a codebook; checkpoints of another run),
        BundleError (`run` holds something that is not a run, or another fit is at work there).
        """
        expect_corpus(corpus)
        run = path_of(run)
        if run is not None:
            check_target(run)
        together = processes()  # where several fit, the first one speaks and writes
        together.wait()
        progress = progress if together.first else False
        with one_fit_in(run if together.first else None):
            with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
                self._fit(corpus, run, progress, resume)
            if run is not None and together.first:
                self.save(run, progress=progress is True)
        together.wait()
        return self

    def _fit(self, corpus: Corpus, run: Path | None, progress: bool | Progress, resume: bool) -> None:
        began = time.perf_counter()
        torch.manual_seed(self._settings.seed)
        folder = None if run is None else run / CHECKPOINTS
        if folder is not None and not resume and processes().first:
            (folder / "state.safetensors").unlink(missing_ok=True)
        processes().wait()
        told = folder if processes().first else None  # where progress is written down
        shown = progress if isinstance(progress, Progress) else Progress(told, progress)
        encoded = self._prepare(corpus, shown)
        self.timings_["prepare"] = time.perf_counter() - began
        if encoded.encoder_seconds is not None:  # of making the states, by whoever made them
            self.timings_["encoder"] = encoded.encoder_seconds
        identity = {"settings": self.settings, "corpus": corpus.fingerprint}
        training = Training(
            self.model_,
            encoded,
            self.vocabulary_,
            self._settings,
            Checkpoints(folder, identity),
            shown,
            self.device,
        )
        learned = training.run()
        self.history_ = history_frame(learned.history)
        self.timings_ |= self.history_.groupby("stage", sort=False)["seconds"].sum().to_dict()
        self.messages_ = learned.messages
        self.corpus_ = corpus
        self.encoded_ = encoded
        self._finish(corpus, encoded)

    def _prepare(self, corpus: Corpus, progress: bool | Progress) -> EncodedCorpus:
        """Tokenise, make vocabulary, backbone, lexical start and model."""
        s = self._settings
        texts, tails = self._texts(corpus)
        backbone = make_backbone(s, [t + e for t, e in zip(texts, tails, strict=True)] if tails else texts)
        tokens = TokenisedDocuments.from_texts(texts, tails, backbone.tokenizer, s.max_length)
        if said := told_unknown(tokens, backbone.tokenizer, s.backbone):
            warn_caller(said)
        self.vocabulary_ = Vocabulary.from_documents(tokens, backbone.tokenizer)
        backbone.to(self.device)
        if isinstance(progress, Progress):
            costs = expected_costs(s, len(corpus), len(tokens.ids) * backbone.frozen, map=progress.folder is not None)
            progress.forecast = Forecast(costs)
        pooled = s.start == "pooled"
        encoded = encode_corpus(tokens, self.vocabulary_, backbone, None, pooled, device=self.device, progress=progress)
        if pooled and backbone.frozen and s.lexical_weight:
            salience = salience_at(self.vocabulary_, s, 1).numpy()
            self.lexical_ = LexicalStart.fit(
                tokens, self.vocabulary_, encoded.start, salience, s.lexical_rank, s.lexical_weight
            )
            if self.lexical_ is not None:
                encoded.start = self.lexical_.add_to(encoded.start, tokens, self.vocabulary_)
        self.model_ = IndexerModel(backbone, torch.from_numpy(self.vocabulary_.token_ids), s)
        return encoded

    def _finish(self, corpus: Corpus, encoded: EncodedCorpus) -> None:
        """Round the weights to what is stored, then write down the greedy IDs of the finished model.

        So a loaded model gives each document the ID that stands in the bundle. How far these are the codes that
        each stage wrote down is the history's id_consistency.
        """
        with torch.no_grad():
            for parameter in self.model_.parameters():
                parameter.copy_(parameter.half())
        self.state_axes_ = None  # of an earlier fit of this object
        codes, _, states = self._assign_encoded(encoded, together=processes())
        if self._settings.state_dims and self._settings.state_dims < states.shape[1]:
            self.state_axes_ = leading_axes(states, self._settings.state_dims)
            states = states @ self.state_axes_
        self.ids_ = SemanticIDs.from_codes(corpus.doc_ids, codes, self.codebook_sizes)
        self.states_ = kept_states(states)

    # ---- encode and look inside ------------------------------------------------------------------------------

    def _assign(
        self, texts: list[str], tails: list[str] | None, *, states: bool = True
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        # In blocks, so that the states of all tokens are never held together; several processes share the blocks out.
        blocks = [range(first, min(first + AT_ONCE, len(texts))) for first in range(0, len(texts), AT_ONCE)]

        def of(block: range) -> tuple[np.ndarray, ...]:
            part = slice(block.start, block.stop)
            encoded = self._encoded(texts[part], None if tails is None else tails[part])
            codes, probabilities, found = self._assign_encoded(encoded)
            return (codes, probabilities, kept_states(found)) if states else (codes, probabilities)

        codes, probabilities, *kept = processes().each_block(blocks, of)
        return codes, probabilities, kept[0] if states else None

    def encoded(self, corpus: Corpus) -> EncodedCorpus:
        """Tokens, and where the encoder is frozen its states, of a corpus's documents (at once after a fit on it)."""
        self._check_fitted()
        if self.encoded_ is not None and self.corpus_.fingerprint == corpus.fingerprint:
            return self.encoded_
        return self._encoded(*self._texts(corpus))

    def _encoded(self, texts: list[str], tails: list[str] | None = None) -> EncodedCorpus:
        backbone = self.model_.encoder.backbone
        tokens = TokenisedDocuments.from_texts(texts, tails, backbone.tokenizer, self._settings.max_length)
        return encode_corpus(
            tokens,
            self.vocabulary_,
            backbone.to(self.device),
            self.lexical_,
            self._settings.start == "pooled",
            device=self.device,
            cache=False,
            progress=False,
        )

    def _probabilities(self, codes: np.ndarray, texts: list[str], tails: list[str] | None) -> np.ndarray:
        return self._assign_encoded(self._encoded(texts, tails), codes)[1]

    def _assign_encoded(
        self, encoded: EncodedCorpus, given: np.ndarray | None = None, together: Processes | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Greedy codes, or those `given` [N, T], with their probabilities and states; `together` with other processes
        or by this one alone."""
        self.model_.to(self.device).eval()

        def of(rows: np.ndarray) -> tuple[np.ndarray, ...]:
            some = None if given is None else torch.from_numpy(given[rows]).long().to(self.device)
            documents = encoded.batch(torch.from_numpy(rows), self.device)
            codes, *others = self.model_.assign(documents, self._settings.positions, some)
            return codes.int().cpu().numpy(), *(part.float().cpu().numpy() for part in others)

        codes, probabilities, states = for_all_documents(encoded.tokens.lengths, of, together or Processes())
        if self.state_axes_ is not None:
            states = states @ self.state_axes_
        return codes, probabilities, states

    def scorer(self, document: "str | Corpus") -> DocumentScorer:
        """P_s(c^{t+1} | c^{≤t}, document) for any prefix: what a beam over the ID tree asks for.

        document: a text, or a corpus of one document, which is read as `fit` reads it, category text included.
        """
        self._check_fitted()
        return DocumentScorer(self.model_.eval(), self._encoded(*self._one(document)), self.device)

    def reconstruct(self, document: "str | Corpus", hint_share: float = 0.1, seed: int = 0):
        """What the code knows: the probability of each hidden word with the document's code and without it.

        document: as for `scorer`.

        Returns a frame: token, hidden, asked (in training), with_code, without_code (probabilities, of a fair rival),
        rank_with, rank_without; see `lmindexer.indexers.inspection.reconstruction_table`.
        """
        self._check_fitted()
        encoded = self._encoded(*self._one(document))
        return reconstruction_table(self.model_.eval(), encoded, self.vocabulary_, self._settings, hint_share, seed)

    # ---- on disk and on the hub ------------------------------------------------------------------------------

    def save_pretrained(self, folder: str | Path) -> Path:
        """The model folder alone (config.json, model.safetensors, tokenizer, ids.parquet), as the hub has it."""
        self._check_fitted()
        expect_path(folder)
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self._save_model(folder)
        if self.ids_ is not None:
            self.ids_.to_parquet(folder / "ids.parquet")
        return folder

    @classmethod
    def from_pretrained(cls, name_or_folder: str | Path, **hub) -> "LMIndexer":
        """From a model folder, or from the hub by name; `hub` goes to huggingface_hub.snapshot_download."""
        expect_path(name_or_folder)
        folder = Path(name_or_folder)
        if not folder.is_dir():
            from huggingface_hub import snapshot_download

            patterns = [WEIGHTS, "*.json", "*.txt", "backbone/*", "ids.parquet"]
            try:
                folder = Path(snapshot_download(str(name_or_folder), allow_patterns=patterns, **hub))
            except (OSError, ValueError) as error:
                raise BundleError(
                    f"{str(name_or_folder)!r} is neither a model folder nor a model the hub gives here "
                    f"({type(error).__name__}). Check the name, or give the folder that save_pretrained wrote."
                ) from error
        indexer = cls._load_model(folder)
        if (folder / "ids.parquet").exists():
            indexer.ids_ = SemanticIDs.from_parquet(folder / "ids.parquet")
        return indexer

    def push_to_hub(self, repo: str, *, private: bool = True, **hub) -> str:
        """Upload the model folder to the hub; returns the address of the commit."""
        self._check_fitted()
        from tempfile import TemporaryDirectory

        from huggingface_hub import HfApi

        api = HfApi(**hub)
        api.create_repo(repo, private=private, exist_ok=True)
        with TemporaryDirectory() as folder:
            self.save_pretrained(folder)
            return str(api.upload_folder(repo_id=repo, folder_path=folder, commit_message="Semantic indexer"))

    def _save_model(self, folder: Path) -> None:
        backbone, vocabulary = self.model_.encoder.backbone, self.vocabulary_
        tensors = {f"model.{name}": value.half() for name, value in unshared(self.model_).items()}
        tensors["vocabulary.token_ids"] = torch.from_numpy(vocabulary.token_ids.astype(np.int32))
        tensors["vocabulary.documents"] = torch.from_numpy(vocabulary.documents.astype(np.int32))
        if self.lexical_ is not None:
            tensors |= {
                "lexical.word_weight": torch.from_numpy(self.lexical_.word_weight),
                "lexical.table": torch.from_numpy(self.lexical_.table).half(),
                "lexical.basis": torch.from_numpy(self.lexical_.basis),
            }
        if self.state_axes_ is not None:
            tensors["state_axes"] = torch.from_numpy(self.state_axes_)
        config = {"settings": self.settings, "corpus_documents": vocabulary.corpus_size}
        config |= {"numbered_in": self._numbered_in}
        write_model(folder, "lmindexer", {"architectures": ["LMIndexer"], **config}, tensors)
        backbone.save(folder / "backbone")

    @classmethod
    def load(cls, folder: str | Path) -> "LMIndexer":
        """The indexer of a run bundle; or of a model folder, which has no corpus, history and states."""
        expect_path(folder)
        return cls.from_pretrained(folder) if (Path(folder) / CONFIG).exists() else super().load(folder)

    @classmethod
    def _load_model(cls, folder: Path) -> "LMIndexer":
        config, tensors = read_model(folder, "lmindexer")
        with taking_up(folder):
            return cls._from_parts(folder, config, tensors)

    @classmethod
    def _from_parts(cls, folder: Path, config: dict, tensors: dict[str, torch.Tensor]) -> "LMIndexer":
        settings = dict(config["settings"])
        if settings.get("diagnose_every") == 0:  # an earlier word for 1
            settings["diagnose_every"] = 1
        indexer = cls(settings.pop("preset"), **settings)
        backbone = make_backbone(indexer._settings, folder=folder)
        token_ids = tensors.pop("vocabulary.token_ids").numpy()
        documents = tensors.pop("vocabulary.documents").numpy()
        indexer.vocabulary_ = Vocabulary(token_ids, documents, config["corpus_documents"], backbone.tokenizer)
        if "lexical.table" in tensors:
            parts = (tensors.pop(f"lexical.{name}").float().numpy() for name in ("word_weight", "table", "basis"))
            indexer.lexical_ = LexicalStart(*parts, indexer._settings.lexical_weight)
        if "state_axes" in tensors:
            indexer.state_axes_ = tensors.pop("state_axes").numpy()
        indexer.model_ = IndexerModel(backbone, torch.from_numpy(indexer.vocabulary_.token_ids), indexer._settings)
        weights = {name.removeprefix("model."): value.float() for name, value in tensors.items()}
        unknown = indexer.model_.load_state_dict(weights, strict=False)
        missing = set(unshared(indexer.model_)) - set(weights)
        if unknown.unexpected_keys or missing:
            raise BundleError(f"{folder / WEIGHTS} does not fit its config.json; write the run again.")
        indexer.model_.to(indexer.device).eval()
        indexer.numbered_in_, indexer.loaded_ = config.get("numbered_in"), True
        return indexer


def kept_states(states: np.ndarray) -> np.ndarray:
    """States [N, d] as a run keeps them, float16. Raises TrainingError where they are not finite numbers there."""
    largest, most = float(np.abs(states).max(initial=0)), float(np.finfo(np.float16).max)
    if not largest <= most:  # NaN is not
        raise TrainingError(
            f"Training has run away: the model's states reach {largest:.3g}, more than a run can keep ({most:,.0f}). "
            "Fit again with a lower learning_rate, for example a tenth of it."
        )
    return states.astype(np.float16)


def leading_axes(states: np.ndarray, dims: int) -> np.ndarray:
    """The directions that keep most of the states' dot products, [d, r]: leading eigenvectors of HᵀH."""
    _, vectors = np.linalg.eigh(states.T.astype(np.float64) @ states)
    return vectors[:, : -dims - 1 : -1].astype(np.float32).copy()
