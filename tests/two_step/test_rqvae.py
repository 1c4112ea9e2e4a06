"""RQ-VAE: its quantiser against another library's, its losses by hand, separable clusters, and the verbs."""

import json

import numpy as np
import pytest
import torch
from clusters import corpus_with_vectors, same_partition, toy
from themed import themed_corpus
from vector_quantize_pytorch import ResidualVQ

import lmindexer as lmi
from lmindexer.common.errors import SettingsError, TrainingError
from lmindexer.common.progress import Progress
from lmindexer.indexers import RQVAEIndexer, load_indexer
from lmindexer.settings.methods import KINDS, METHODS, default_settings, settings_of
from lmindexer.settings.rules import as_dict
from lmindexer.two_step.rqvae_model import RQVAE, CodebookRows, ResidualQuantiser, balanced_choice, losses

QUICK = {"hidden": [16], "latent": 4, "warmup_epochs": 20, "epochs": 20, "batch_size": 24, "learning_rate": 1e-2}


@pytest.fixture(scope="module")
def clusters(tmp_path_factory):
    """(corpus, embeddings, labels) of four groups of three parts."""
    vectors, labels = toy()
    return *corpus_with_vectors(tmp_path_factory.mktemp("toy"), vectors, labels), labels


@pytest.fixture
def quantiser():
    torch.manual_seed(0)
    return ResidualQuantiser((8, 8, 8), 5)


def oracle_of(quantiser, **options) -> ResidualVQ:
    """vector-quantize-pytorch's residual quantiser with the same codebooks."""
    other = ResidualVQ(dim=5, num_quantizers=3, codebook_size=8, **options)
    for layer, book in zip(other.layers, quantiser.books, strict=True):
        layer._codebook.embed.data.copy_(book.rows.detach()[None])
        layer._codebook.embed_avg.data.copy_(book.total[None])
        layer._codebook.cluster_size.data.copy_(book.count[None])
    return other


# ---- the quantiser -------------------------------------------------------------------------------------------------


def test_codes_and_values_are_those_of_another_library(quantiser):
    z = torch.randn(200, 5)
    found = quantiser.eval()(z)
    values, codes, _ = oracle_of(quantiser).eval()(z)
    assert torch.equal(found.codes, codes)
    assert torch.allclose(found.values, values, atol=1e-6)


def test_the_commitment_is_that_of_another_library(quantiser):
    z = torch.randn(200, 5)
    _, _, per_position = oracle_of(quantiser, commitment_weight=1.0, threshold_ema_dead_code=0).train()(z[None])
    found = quantiser.eval()(z)
    # theirs is a mean over dimensions, ours (the paper's) a sum
    assert found.commitment.item() == pytest.approx(5 * per_position.sum().item(), rel=1e-4)


def test_running_means_move_as_in_another_library():
    torch.manual_seed(1)
    quantiser = ResidualQuantiser((8, 8, 8), 5, ema=True, decay=0.8).train()
    oracle = oracle_of(quantiser, decay=0.8, threshold_ema_dead_code=0).train()
    for _ in range(3):
        z = torch.randn(60, 5)
        quantiser(z)
        oracle(z[None])
    for book, layer in zip(quantiser.books, oracle.layers, strict=True):
        assert torch.allclose(book.rows, layer._codebook.embed[0], atol=1e-5)
        assert torch.allclose(book.count, layer._codebook.cluster_size[0], atol=1e-5)


def test_codes_and_residuals_are_those_of_a_slow_loop(quantiser):
    z = torch.randn(20, 5)
    found = quantiser(z)
    for row in range(20):
        residual, summed = z[row], torch.zeros(5)
        for t, book in enumerate(quantiser.books):
            assert torch.allclose(found.residuals[t][row], residual, atol=1e-6)
            code = min(range(8), key=lambda k: ((residual - book.rows[k]) ** 2).sum().item())
            assert found.codes[row, t] == code
            residual, summed = residual - book.rows[code], summed + book.rows[code]
        assert torch.allclose(found.values[row], summed, atol=1e-6)


def test_gradients_go_straight_through_and_only_where_they_should():
    torch.manual_seed(0)
    quantiser = ResidualQuantiser((4,), 3)
    z = torch.randn(6, 3, requires_grad=True)
    found = quantiser(z)
    slope = torch.randn(6, 3)
    (gradient,) = torch.autograd.grad((found.values * slope).sum(), z, retain_graph=True)
    assert torch.allclose(gradient, slope), "as if there were no codes"
    (pull,) = torch.autograd.grad(found.commitment, z, retain_graph=True)
    rows = quantiser.books[0].rows
    assert torch.allclose(pull, 2 * (z - rows[found.codes[:, 0]]) / 6, atol=1e-6)
    moved, still = torch.autograd.grad(found.codebook, [rows, z], allow_unused=True)
    assert still is None
    used = torch.bincount(found.codes[:, 0], minlength=4) > 0
    assert (moved.abs().sum(1) > 0).tolist() == used.tolist()


def test_the_loss_by_hand():
    model = RQVAE(2, [], 2, (2,))
    with torch.no_grad():
        for part in (model.encoder[0], model.decoder[0]):
            part.weight.copy_(torch.eye(2))
            part.bias.zero_()
        model.quantiser.books[0].rows.copy_(torch.tensor([[1.0, 0.0], [0.0, 2.0]]))
    x = torch.tensor([[1.0, 1.0], [0.0, 4.0]])  # nearest rows: 0 at distance² 1 (the other's is 2), and 1 at 4
    rebuilt, found = model(x)
    assert found.codes.tolist() == [[0], [1]] and rebuilt.tolist() == [[1, 0], [0, 2]]
    terms = losses(x, rebuilt, found, beta=0.25)
    assert {name: value.item() for name, value in terms.items()} == {
        "reconstruction": 2.5,
        "codebook": 2.5,
        "commitment": 0.625,
    }
    assert torch.equal(model.autoencode(x), x)


def test_a_code_without_members_stays_finite():
    book = CodebookRows(4, 2, ema=True, decay=0.5)
    for _ in range(2000):
        book.follow(torch.ones(3, 2), torch.zeros(3, dtype=torch.long))
    assert torch.isfinite(book.rows).all()
    assert torch.allclose(book.rows[0], torch.ones(2), atol=1e-2)


def test_balanced_choice_uses_all_codes_alike_where_the_nearest_would_not():
    torch.manual_seed(0)
    residual = torch.randn(64, 2) * 0.1 + torch.tensor([3.0, 0.0])
    rows = torch.tensor([[3.0, 0.0], [0.0, 0.0], [5.0, 5.0], [-4.0, 1.0]])
    squared = torch.cdist(residual, rows) ** 2
    assert (squared.argmin(1) == 0).all()
    assert torch.bincount(balanced_choice(squared, 0.05), minlength=4).min() >= 8
    apart = torch.cdist(rows.repeat(4, 1), rows) ** 2
    assert torch.equal(balanced_choice(apart, 0.05), torch.arange(4).repeat(4)), "and leaves what is balanced alone"


# ---- learning ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ema", [False, True])
def test_it_learns_separable_clusters(clusters, ema):
    corpus, embeddings, labels = clusters
    settings = QUICK | {"positions": 2, "codebook_size": [4, 6], "embeddings": embeddings, "ema": ema}
    indexer = RQVAEIndexer(**settings).fit(corpus, progress=False)
    assert same_partition(indexer.ids_.codes[:, 0], labels[:, 0])
    history = indexer.history_
    assert list(dict.fromkeys(history["stage"])) == ["continuous", "codebook_init", "discrete"]
    last = history[history["stage"] == "discrete"].groupby("position").last()
    codes = indexer.ids_.codes
    assert last["perplexity"].tolist() == pytest.approx([lmi.diagnostics.perplexity(codes[:, t]) for t in range(2)])
    discrete = history[(history["stage"] == "discrete") & (history["position"] == 1)]
    assert discrete["reconstruction"].iloc[-1] < history["reconstruction"].iloc[0] / 5
    assert history["seconds"].sum() <= indexer.timings_["codes"]


def test_every_code_of_a_dead_codebook_is_brought_back(clusters, monkeypatch):
    corpus, embeddings, _ = clusters
    monkeypatch.setattr(
        "lmindexer.two_step.rqvae_training.kmeans_rows",
        lambda rows, size, *_: np.full((size, rows.shape[1]), 1e3, np.float32),
    )
    settings = QUICK | {"positions": 1, "codebook_size": 8, "embeddings": embeddings}
    alive = RQVAEIndexer(**settings).fit(corpus, progress=False)
    dead = RQVAEIndexer(**settings, restart=False).fit(corpus, progress=False)
    assert lmi.diagnostics.used_codes(dead.ids_.codes[:, 0]) == 1
    assert lmi.diagnostics.used_codes(alive.ids_.codes[:, 0]) >= 6
    assert not alive.messages_ and "Position 1 uses" not in " ".join(alive.messages_)


def test_the_same_seed_gives_the_same_ids_and_another_does_not(clusters):
    corpus, embeddings, _ = clusters
    settings = QUICK | {"positions": 2, "codebook_size": 8, "embeddings": embeddings, "sinkhorn": [0.0, 0.1]}
    before = torch.random.get_rng_state()
    one, other, third = (RQVAEIndexer(**settings, seed=s).fit(corpus, progress=False) for s in (1, 1, 2))
    assert one.ids_ == other.ids_ and np.array_equal(one.codebooks_[1], other.codebooks_[1])
    assert not np.array_equal(one.ids_.codes, third.ids_.codes)
    assert torch.equal(torch.random.get_rng_state(), before), "the caller's random numbers are its own"


class Interrupted(Progress):
    """Stops a fit after so many steps."""

    def __init__(self, folder, steps: int):
        super().__init__(folder, show=False)
        self.left = steps

    def step(self, epoch: int, loss: float) -> None:
        super().step(epoch, loss)
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("steps", [5, 70, 100])
def test_an_interrupted_fit_goes_on_to_the_same_ids(clusters, tmp_path, monkeypatch, quick_map, steps):
    corpus, embeddings, _ = clusters
    monkeypatch.setattr("lmindexer.two_step.rqvae_training.KEEP", 0.0)
    settings = QUICK | {"positions": 2, "codebook_size": 6, "embeddings": embeddings, "ema": True}
    whole = RQVAEIndexer(**settings).fit(corpus, progress=False)
    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        RQVAEIndexer(**settings).fit(corpus, run=run, progress=Interrupted(run / "checkpoints", steps))
    again = RQVAEIndexer(**settings).fit(corpus, run=run, progress=False)
    assert again.ids_ == whole.ids_
    columns = ["stage", "position", "epoch", "perplexity"]
    assert again.history_[columns].equals(whole.history_[columns])
    with pytest.raises(TrainingError, match=r"other settings \(differs: seed\)"):
        with pytest.raises(KeyboardInterrupt):
            RQVAEIndexer(**settings).fit(
                corpus, run=tmp_path / "b", progress=Interrupted(tmp_path / "b/checkpoints", 80)
            )
        RQVAEIndexer(**settings, seed=9).fit(corpus, run=tmp_path / "b", progress=False)


# ---- the verbs -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fitted():
    settings = QUICK | {"positions": 2, "codebook_size": 6, "embeddings": "tfidf", "category_text": True}
    return RQVAEIndexer(**settings).fit(themed_corpus(60), progress=False)


def test_save_load_encode(fitted, tmp_path, quick_map):
    corpus, new = themed_corpus(60), themed_corpus(20, seed=7, name="new")
    bundle = fitted.save(tmp_path / "run", progress=False)
    assert bundle.states.shape == (60, 4) and bundle.history is not None
    loaded = load_indexer(tmp_path / "run")
    assert type(loaded) is RQVAEIndexer and loaded.settings == json.loads(json.dumps(fitted.settings))
    assert loaded.encode(corpus) == fitted.ids_
    one, other = (indexer.encode(new, details=True) for indexer in (fitted, loaded))
    assert one.ids == other.ids and np.array_equal(one.probabilities, other.probabilities)
    assert np.array_equal(one.states, other.states)
    names = {path.name for path in (tmp_path / "run" / "model").rglob("*") if path.is_file()}
    assert names == {"config.json", "model.safetensors", "embeddings.json", "words.json", "tfidf.safetensors"}


def test_fitted_texts_get_their_own_codes_in_any_company(fitted):
    corpus = themed_corpus(60)
    some = corpus.take([50, 2, 31])
    renamed = lmi.Corpus.from_records(
        [{**row, "doc_id": f"x{row['doc_id']}"} for row in some.to_frame().to_dict("records")], name="renamed"
    )
    assert np.array_equal(fitted.encode(renamed).codes, fitted.ids_.codes[[50, 2, 31]])


def test_the_scorer_ranks_a_documents_own_codes_first(fitted):
    corpus = themed_corpus(60)
    for row in (0, 11, 35):
        scorer = fitted.scorer(corpus.documents(category_text=True)[row])
        first, second = fitted.ids_.codes[row]
        p = np.exp(scorer.log_probabilities(np.zeros((1, 0), int)))
        assert p.shape == (1, 6) and p.sum() == pytest.approx(1) and p.argmax() == first
        assert scorer.log_probabilities(np.array([[first]])).argmax() == second


def test_the_explorer_reads_such_a_run(fitted, tmp_path, quick_map):
    from lmindexer.browse import RunBrowser, history, inside

    bundle = fitted.save(tmp_path / "run", progress=False)
    run = RunBrowser.from_bundle(bundle)
    steps = inside.why(run, inside.load_model(run), 4)
    assert steps[steps["chosen"]]["rank"].tolist() == [1, 1]
    assert set(history.curves({"run": bundle.history}, "perplexity")["position"]) == {1, 2}


# ---- settings ------------------------------------------------------------------------------------------------------


def test_the_tiger_preset_is_the_papers():
    settings = settings_of("rqvae", "tiger")
    assert settings.codebook_sizes == (256, 256, 256)
    assert (settings.hidden, settings.latent, settings.commitment) == ((512, 256, 128), 32, 0.25)


@pytest.mark.parametrize("method", METHODS)
def test_settings_of_every_method_survive_json(method):
    settings = settings_of(method)
    again = settings_of(method, **json.loads(json.dumps(settings.to_dict())))
    assert again == settings
    assert list(default_settings(method)) == list(settings.to_dict())


@pytest.mark.parametrize("method", KINDS)
def test_every_setting_has_a_rule(method):
    kind, presets = KINDS[method]
    for preset in presets:
        settings_of(method, preset)
    free = {"embeddings"}
    for name, value in as_dict(settings_of(method)).items():
        assert name in free or name in kind.RULES.ranges or isinstance(value, bool)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"codebok_size": 3}, "'codebok_size'; the nearest is 'codebook_size'"),
        ({"preset": "tigr"}, "'tigr'; the nearest is 'tiger'"),
        ({"epochs": 0}, "epochs is 0"),
        ({"latent": [3, 4]}, "give one number"),
        ({"restart": 1}, "give True or False"),
        ({"embeddings": 3}, "embeddings is 3"),
    ],
)
def test_what_cannot_be_is_refused(given, why):
    with pytest.raises(SettingsError, match=why):
        RQVAEIndexer(**given)


def test_a_corpus_smaller_than_its_codebook_is_refused(clusters):
    corpus, embeddings, _ = clusters
    with pytest.raises(TrainingError, match="72 documents and a codebook 100 codes"):
        RQVAEIndexer(codebook_size=100, embeddings=embeddings).fit(corpus, progress=False)
