"""Training: the stages, every switch of the settings, any number of positions, odd corpora, seeds, the history."""

import dataclasses
import math
import random

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import f1_score
from themed import QUICK, plain_corpus, themed_corpus

from lmindexer.common.errors import TrainingError
from lmindexer.common.progress import COLUMNS, history_frame
from lmindexer.indexers import LMIndexer
from lmindexer.model.hints import AskedWords
from lmindexer.quality.diagnostics import mean_f1
from lmindexer.settings.settings import Settings, make_settings
from lmindexer.training import corpus_diagnostics
from lmindexer.training.corpus_diagnostics import documents_unasked, drawn_sample, hits_and_occurrences
from lmindexer.training.stages import Stage, plan
from lmindexer.training.training import Training, told_reach

SHORT = {"codebook_size": 4, "warmup_epochs": 1, "continuous_epochs": 1, "discrete_epochs": 1, "batch_size": 16}
LOSSES = ["reconstruction", "contrastive", "commitment", "agreement", "balance", "anchor"]


@pytest.fixture(scope="module")
def small():
    return themed_corpus(30)


def fit(corpus, preset="tiny", **changes):
    return LMIndexer(preset, **{**SHORT, **changes}).fit(corpus, progress=False)


def check(indexer, corpus):
    """What holds after any fit: IDs are unique and in range, nothing is NaN."""
    ids, history = indexer.ids_, indexer.history_
    assert len(ids) == len(corpus) and ids.positions == indexer._settings.positions
    assert ids.codes.min() >= 0 and (ids.codes.max(0) < np.array(ids.codebook_sizes)).all()
    assert len(set(ids.unique_strings())) == len(corpus)
    assert np.isfinite(indexer.states_).all() and all(np.isfinite(book).all() for book in indexer.codebooks_)
    trained = history[history["stage"] != "codebook_init"]
    assert np.isfinite(trained["loss"]).all()
    return indexer


# ---- stages ----------------------------------------------------------------------------------------------------


def names(**changes):
    return [str(stage) for stage in plan(make_settings("tiny", **changes))]


def test_the_plan_is_the_slides():
    assert names(positions=2) == [
        *("reconstructor_warmup", "continuous c1", "codebook_init c1", "discrete c1"),
        *("continuous c2", "codebook_init c2", "discrete c2"),
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"reconstructor_warmup": False}, ["continuous c1", "codebook_init c1", "discrete c1"]),
        ({"warmup_epochs": 0}, ["continuous c1", "codebook_init c1", "discrete c1"]),
        ({"continuous": False}, ["reconstructor_warmup", "codebook_init c1", "discrete c1"]),
        ({"continuous_epochs": 0}, ["reconstructor_warmup", "codebook_init c1", "discrete c1"]),
    ],
)
def test_a_warm_up_can_be_left_out(changes, expected):
    assert names(positions=1, **changes) == expected


# ---- every switch ----------------------------------------------------------------------------------------------

SWITCHES = [
    {"positions": 1},
    {"positions": 3, "codebook_size": [5, 3]},
    {"positions": 4, "codebook_size": 3},
    {"category_text": True},
    {"max_length": 6},
    {"backbone": "minilm"},
    {"backbone": "minilm", "train_encoder": True, "positions": 1, "continuous": False},
    {"decoder_layers": 1, "dropout": 0, "contrastive": "off"},
    {"start": "pooled", "anchor": 0.5, "learning_rate": 1e-2},
    {"preset": "minilm", "lexical_weight": 0.0, "agreement": 0.0, "encoder_precision": "bfloat16"},
    {"preset": "minilm", "agreement_until": 2, "salience_floor": 1.0},
    {"preset": "minilm", "lexical_weight": 2.0, "lexical_rank": 2, "neighbours": 1, "balance": 0.0, "state_dims": 5},
    {"temperature": 0.1, "codebook_rate": 0.0},
    {"hint_form": "target", "hint_share": [0.5, 0.3], "targets": 3, "target_weights": "all"},
    {"hint_form": "target", "recon_layers": 3},
    {"hint_share": 0.0, "warmup_hint_share": 0.0, "recon_layers": 2},
    {"hint_share": 1.0, "warmup_hint_share": 1.0},
    {"reconstruction": 0.0},
    {"reconstruction": 0.0, "contrastive": "off", "commitment": 0.0},
    {"contrastive": "dot", "contrastive_weight": 1.0, "contrastive_from": 1, "contrastive_temperature": 1.0},
    {"contrastive_weight": 0.0, "commitment": 0.0},
    {"reconstructor_warmup": False, "continuous": False},
    {"codebook_init": "random", "warmup_epochs": 0, "continuous_epochs": 0, "discrete_epochs": 0},
    {"batch_size": 29, "seed": 2**32 - 1, "diagnose_every": 2, "macro_f1_documents": 3},
    {"batch_size": 1000, "learning_rate": 0.0},
]


@pytest.mark.parametrize("changes", SWITCHES, ids=lambda changes: ",".join(changes))
def test_every_switch_can_be_turned(changes, small):
    changes = dict(changes)
    indexer = check(fit(small, changes.pop("preset", "tiny"), **changes), small)
    history, s = indexer.history_, indexer._settings
    used = {name for name in LOSSES if history[name].notna().any()}
    pooled = s.start == "pooled"
    votes = s.agreement > 0 and s.agreement_until > 0 and pooled and s.backbone == "minilm" and not s.train_encoder
    expected = {
        "reconstruction": s.reconstruction > 0 or "reconstructor_warmup" in set(history["stage"]),
        "contrastive": s.contrastive != "off" and s.contrastive_weight > 0 and s.positions >= s.contrastive_from,
        "commitment": s.commitment > 0 and s.positions > 1,
        "agreement": votes,
        "balance": votes,
        "anchor": pooled and any(s.at("anchor", t) for t in range(1, s.positions + 1)),
    }
    if s.discrete_epochs:
        assert used == {name for name in LOSSES if expected[name]}


def test_no_setting_is_left_untried():
    tried = {name for changes in SWITCHES for name in changes} - {"preset"}
    assert tried == {field.name for field in dataclasses.fields(Settings)}


def test_a_learning_rate_of_zero_trains_nothing_and_any_other_something(small):
    def parts(rate):
        indexer = fit(small, positions=1, learning_rate=rate, reconstructor_warmup=False, codebook_init="random")
        return {name: value.clone() for name, value in indexer.model_.state_dict().items()}

    still, moved = parts(0.0), parts(1e-2)
    start = LMIndexer("tiny", **SHORT, positions=1, reconstructor_warmup=False, codebook_init="random")
    with torch.random.fork_rng():
        torch.manual_seed(start._settings.seed)
        start._prepare(small, progress=False)
    for name, value in start.model_.state_dict().items():
        assert torch.equal(still[name], value.half().float()), name
    for part in ("codebooks.0.rows", "reconstructor.word_bias", "encoder.backbone.shared.weight"):
        assert not torch.equal(moved[part], still[part]), part


def test_the_warm_up_leaves_the_language_model_alone(small):
    settings = {**SHORT, "warmup_epochs": 2, "positions": 1}
    indexer = LMIndexer("tiny", **settings)
    with torch.random.fork_rng():
        training = training_of(indexer, small)
        before = {name: value.clone() for name, value in training.model.state_dict().items()}
        training.run_stage(training.beginning())
    after = training.model.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed and all(name.startswith("reconstructor") for name in changed)


def training_of(indexer, corpus):
    from lmindexer.common.progress import Progress
    from lmindexer.runs.checkpoints import Checkpoints

    torch.manual_seed(0)
    encoded = indexer._prepare(corpus, progress=False)
    return Training(
        indexer.model_, encoded, indexer.vocabulary_, indexer._settings, Checkpoints(None, {}), Progress(None, False)
    )


def test_a_large_corpus_is_looked_at_seldom_and_learns_the_same(small, monkeypatch):
    epochs = {"positions": 2, "continuous_epochs": 3, "discrete_epochs": 5}
    always = fit(small, **epochs)
    monkeypatch.setattr(corpus_diagnostics, "FEW", len(small) - 1)
    monkeypatch.setattr(corpus_diagnostics, "SELDOM", 2)
    seldom = fit(small, **epochs)
    assert np.array_equal(seldom.ids_.codes, always.ids_.codes)
    for name, value in always.model_.state_dict().items():
        assert torch.equal(seldom.model_.state_dict()[name], value), name
    few, all_ = (indexer.history_.drop(columns="seconds") for indexer in (seldom, always))
    looked = few["macro_f1"].notna()
    pd.testing.assert_frame_equal(few[looked], all_[looked])
    discrete = few[(few["stage"] == "discrete") & (few["position"] == 1)]
    assert discrete.loc[discrete["perplexity"].notna(), "epoch"].tolist() == [2, 4, 5]
    every = fit(small, **epochs, diagnose_every=1).history_.drop(columns="seconds")
    pd.testing.assert_frame_equal(every, all_)


def test_codes_written_down_train_no_further(small):
    indexer = LMIndexer("tiny", **SHORT, positions=2, reconstructor_warmup=False, continuous=False)
    with torch.random.fork_rng():
        training = training_of(indexer, small)
        state = training.beginning()
        for _ in range(2):
            state = training.run_stage(state)
        first, codes = training.model.codebooks[0].rows.detach().clone(), state.codes
        for _ in range(2):
            state = training.run_stage(state)
    assert torch.equal(training.model.codebooks[0].rows, first)
    assert np.array_equal(state.codes[:, :1], codes) and state.codes.shape == (30, 2)


def test_k_means_rows_stand_at_one_length(small):
    indexer = LMIndexer("tiny", **SHORT, positions=1, reconstructor_warmup=False, continuous=False)
    with torch.random.fork_rng():
        training = training_of(indexer, small)
        training.run_stage(training.beginning())
    lengths = training.model.codebooks[0].rows.norm(dim=-1)
    assert torch.allclose(lengths, lengths[:1].expand(4), rtol=1e-5)


def test_the_rate_rises_over_a_tenth_of_the_steps_and_falls_to_nearly_zero(small):
    indexer = LMIndexer("tiny", **{**SHORT, "discrete_epochs": 10}, positions=1, codebook_rate=0.5)
    with torch.random.fork_rng():
        training = training_of(indexer, small)
    stage = Stage("discrete", 1, 10)
    optimizer = training.optimizer(stage)
    total, rates = training.steps(stage), []
    assert total == 20
    for _ in range(total):
        optimizer.advance()
        rates.append([group["lr"] / 1e-3 for group in optimizer.adam.param_groups])
    rates = np.array(rates)
    assert np.allclose(rates[:, 0], rates[:, 1]) and np.allclose(rates[:, 2], rates[:, 0] / 2)
    expected = [min(s / 2, (20 - s + 1) / 18, 1) for s in range(1, 21)]
    assert np.allclose(rates[:, 0], expected) and 0 < rates[-1, 0] < 0.1
    again = training.optimizer(stage)
    again.resume({}, 7)
    again.advance()
    assert again.adam.param_groups[0]["lr"] == pytest.approx(rates[7, 0] * 1e-3)


def test_asked_words_lead_back_to_the_vocabulary():
    asked = AskedWords(torch.tensor([0.0, 2.0, 0.0, 1.0]), torch.device("cpu"))
    assert asked.words.tolist() == [1, 3] and asked.place[[1, 3]].tolist() == [0, 1]
    assert AskedWords(torch.zeros(3), torch.device("cpu")).words.tolist() == [0, 1, 2]


@pytest.mark.parametrize("seed", range(3))
def test_counts_of_rebuilt_words_equal_a_slow_loop(seed):
    g = torch.Generator().manual_seed(seed)
    logits = torch.randn(5, 2, 9, generator=g)
    words = torch.randint(9, (5, 2, 6), generator=g)
    counts = torch.rand(5, 2, 6, generator=g) < 0.5
    counts[0] = False  # a document without a word to ask for
    predicted, true = [], []
    for b in range(5):
        for m in range(2):
            asked = set(words[b, m][counts[b, m]].tolist())
            best = set(logits[b, m].argsort(descending=True)[: len(asked)].tolist())
            # right words stand opposite themselves, the others in any order
            predicted += [*sorted(best & asked), *sorted(best - asked)]
            true += [*sorted(best & asked), *sorted(asked - best)]
    found = hits_and_occurrences(logits, words, counts).numpy()
    hits = [sum(p == t == w for p, t in zip(predicted, true, strict=True)) for w in range(9)]
    assert found[0].tolist() == hits
    assert found[1].tolist() == [predicted.count(w) + true.count(w) for w in range(9)]
    assert mean_f1(*found) == pytest.approx(f1_score(true, predicted, average="macro"))


def test_macro_f1_s_documents_are_drawn_from_the_whole_corpus():
    drawn = drawn_sample(11_000, 2000)
    assert len(set(drawn.tolist())) == 2000 and (np.diff(drawn) > 0).all()
    assert abs(drawn.mean() - 5500) < 300  # not the first ones of a sorted file
    assert np.array_equal(drawn, drawn_sample(11_000, 2000)) and drawn_sample(4, 4).tolist() == [0, 1, 2, 3]


def test_documents_without_an_asked_word_are_counted_and_said():
    corpus = plain_corpus(["red bird", "red fish", "blue", "red red"] * 6)
    indexer = LMIndexer("tiny", **SHORT, positions=1)
    with torch.random.fork_rng():
        training = training_of(indexer, corpus)
    words = training.vocabulary.words(np.array(indexer.model_.encoder.backbone.tokenizer("red")["input_ids"][:1]))
    salience = np.zeros(len(training.vocabulary))
    salience[words] = 1.0
    assert documents_unasked(training.corpus, salience) == pytest.approx(0.25)
    row = {"asked_words": 1, "documents_unasked": 0.25}
    assert told_reach(Stage("discrete", 1, 1), row) == (
        "discrete c1 asked for 1 words; 25.0 % of the documents have none of them."
    )
    assert told_reach(Stage("continuous", 1, 1), row) == told_reach(Stage("discrete", 1, 1), {}) == ""


# ---- odd corpora -----------------------------------------------------------------------------------------------

ODD = {
    "copies": ["the same red bird"] * 20,
    "two documents": ["red bird", "blue fish"],
    "one word each": ["bird", "fish", "saw", "nail", "bread"] * 4,
    "stop words and numbers": ["the of and", "12 34", "a the"] * 6,
    "emoji": ["😀 😀", "😂😂😂", "🙈"] * 6,
    "right to left": ["שלום עולם", "مرحبا بالعالم", "سلام"] * 6,
    "one long, many short": ["red bird " * 500] + ["fish"] * 15,
}


@pytest.mark.parametrize("preset", ["tiny", "minilm"])
@pytest.mark.parametrize("texts", ODD.values(), ids=ODD)
def test_odd_documents_get_ids(texts, preset):
    corpus = plain_corpus(texts)
    size = min(4, len(texts))
    indexer = check(fit(corpus, preset, codebook_size=size, positions=2, max_length=32), corpus)
    same = pd.Series(list(indexer.ids_.strings())).groupby(texts).nunique()
    assert (same == 1).all()  # equal texts, equal codes


def test_as_many_codes_as_documents(small):
    corpus = small.take(range(6))
    check(fit(corpus, codebook_size=6), corpus)


def test_fewer_documents_than_codes_are_refused_with_a_remedy(small):
    with pytest.raises(TrainingError, match=r"The corpus has 30 documents and a codebook 64 codes.*codebook_size="):
        fit(small, codebook_size=[4, 64])


def test_more_documents_under_a_prefix_than_codes():
    corpus = plain_corpus(["red bird"] * 40 + ["blue fish"] * 3)
    ids = fit(corpus, codebook_size=2, positions=1).ids_
    assert ids.suffix[:40].tolist() == list(range(40))  # unbounded: 40 suffixes and only 2 codes


def test_a_collapse_is_told_in_words(capsys):
    corpus = plain_corpus(["red bird"] * 30)
    indexer = LMIndexer("tiny", **SHORT, positions=1).fit(corpus, progress=True)
    assert indexer.messages_ and all("has collapsed at the end of stage" in message for message in indexer.messages_)
    assert "What to try" in indexer.messages_[0]
    assert "has collapsed" in capsys.readouterr().out


# ---- history ---------------------------------------------------------------------------------------------------


def test_the_history_has_its_columns_and_they_say_what_happened(fitted):
    history = fitted.history_
    assert list(history.columns) == COLUMNS
    assert history.groupby(["position", "stage"]).size().to_dict() == {
        (0, "reconstructor_warmup"): 1,
        **{(t, stage): n for t in (1, 2) for stage, n in (("continuous", 1), ("codebook_init", 1), ("discrete", 2))},
    }
    assert (history["documents"] == 48).all() and (history["seconds"] >= 0).all()
    discrete = history[history["stage"] == "discrete"]
    assert discrete["perplexity"].between(1, 6).all() and discrete["used_codes"].between(1, 6).all()
    assert (discrete["within_prefix_perplexity"] <= discrete["perplexity"] + 1e-9).all()
    assert history["macro_f1"].between(0, 1).all()
    steps = history[history["stage"] != "codebook_init"]
    assert (steps["asked_words"] > 0).all() and steps["documents_unasked"].between(0, 1).all()
    assert history.loc[history["position"] < 2, "id_consistency"].isna().all()
    assert history.loc[history["position"] == 2, "id_consistency"].between(0, 1).all()
    before_codes = history["stage"].isin(["reconstructor_warmup", "continuous"])
    assert history.loc[before_codes, "perplexity"].isna().all()
    s, trained = fitted._settings, history[(history["position"] == 2) & (history["stage"] != "codebook_init")]
    total = s.reconstruction * trained["reconstruction"] + s.commitment * trained["commitment"]
    assert np.allclose(total + s.contrastive_weight * trained["contrastive"], trained["loss"], rtol=1e-5)


def test_the_last_row_of_a_position_describes_the_codes_that_were_written_down(small):
    with torch.random.fork_rng():
        training = training_of(LMIndexer("tiny", **SHORT), small)
        learned = training.run()
    history = history_frame(learned.history)
    last = history[history["stage"] == "discrete"].groupby("position").last()
    for position in (1, 2):
        shares = np.bincount(learned.codes[:, position - 1]) / len(small)
        entropy = -sum(p * math.log(p) for p in shares if p)
        assert last.loc[position, "perplexity"] == pytest.approx(math.exp(entropy))
        assert last.loc[position, "used_codes"] == (shares > 0).sum()


def test_the_reconstructor_learns(corpus):
    history = fit(corpus, positions=1, warmup_epochs=8, learning_rate=1e-2).history_
    warm_up = history[history["stage"] == "reconstructor_warmup"]["reconstruction"].to_numpy()
    assert warm_up[-1] < 0.9 * warm_up[0]


# ---- seeds -----------------------------------------------------------------------------------------------------


def same(one, two):
    rows = one.history_.drop(columns="seconds").equals(two.history_.drop(columns="seconds"))
    books = all(np.array_equal(a, b) for a, b in zip(one.codebooks_, two.codebooks_, strict=True))
    return rows and books and one.ids_ == two.ids_ and np.array_equal(one.states_, two.states_)


def test_a_seed_decides_everything(small):
    first = fit(small, seed=3)
    torch.manual_seed(99)  # nothing of the caller's decides
    np.random.seed(99)
    assert same(first, fit(small, seed=3))
    other = fit(small, seed=4)
    assert not np.allclose(first.codebooks_[0], other.codebooks_[0])


@pytest.mark.parametrize("preset", ["tiny", "minilm"])
def test_the_caller_s_random_numbers_are_left_alone(preset, small):
    torch.manual_seed(5)
    np.random.seed(5)
    random.seed(5)
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate(), torch.get_num_threads()
    indexer = fit(small, preset, positions=1)
    indexer.encode(["red bird"])
    after = torch.get_rng_state(), np.random.get_state()[1], random.getstate(), torch.get_num_threads()
    assert torch.equal(before[0], after[0]) and np.array_equal(before[1], after[1])
    assert before[2:] == after[2:]


def test_a_second_fit_of_one_object_is_the_first_again(small):
    indexer = LMIndexer("tiny", **SHORT)
    first = indexer.fit(small, progress=False).ids_
    assert indexer.fit(small, progress=False).ids_ == first


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_trains_in_bf16_and_saves_what_a_cpu_reads(corpus, tmp_path):
    indexer = LMIndexer("tiny", device="cuda", **QUICK).fit(corpus, progress=False)
    check(indexer, corpus)
    on_cpu = LMIndexer.from_pretrained(indexer.save_pretrained(tmp_path / "model"))
    on_cpu.device = torch.device("cpu")
    codes = on_cpu.encode(corpus.documents()).codes
    assert (codes == indexer.ids_.codes).all(1).mean() > 0.9
