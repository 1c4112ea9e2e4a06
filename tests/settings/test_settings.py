"""Settings: each preset is valid, values per position, one sentence with the nearest name for what is wrong."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from lmindexer.common.errors import SettingsError
from lmindexer.settings.settings import BY_CATEGORY_TEXT, PRESETS, Settings, make_settings, setting_names


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_survives_json(preset):
    settings = make_settings(preset)
    again = make_settings(preset, **json.loads(json.dumps(settings.to_dict())))
    assert again == settings


def test_changes_win_over_the_preset():
    assert make_settings("tiny").codebook_size == 8
    assert make_settings("tiny", codebook_size=5).codebook_size == 5


@pytest.mark.parametrize(
    ("given", "sizes"),
    [(7, (7, 7, 7)), ([9], (9, 9, 9)), ([9, 4], (9, 4, 4)), ((9, 4, 3), (9, 4, 3))],
)
def test_values_per_position(given, sizes):
    settings = make_settings(positions=3, codebook_size=given)
    assert settings.codebook_sizes == sizes
    assert [settings.at("codebook_size", t) for t in (1, 2, 3)] == list(sizes)


def test_hint_shares_per_position():
    settings = make_settings("slides", positions=4)
    assert [settings.at("hint_share", t) for t in (1, 2, 3, 4)] == [0.5, 0.3, 0.3, 0.3]


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("codebok_size", "codebook_size"), ("position", "positions"), ("lr_learning", "learning_rate"), ("Seed", "seed")],
)
def test_an_unknown_setting_names_the_nearest(name, nearest):
    with pytest.raises(SettingsError, match=f"Unknown setting '{name}'; the nearest is '{nearest}'"):
        make_settings(**{name: 1})


def test_an_unknown_preset_names_the_nearest():
    with pytest.raises(SettingsError, match="Unknown preset 'minilmm'; the nearest is 'minilm'"):
        make_settings("minilmm")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"positions": 0}, "positions is 0; give a whole number from 1 to 64"),
        ({"positions": 2.5}, "positions is 2.5; give a whole number"),
        ({"positions": float("inf")}, "positions is inf; give a whole number"),
        ({"positions": [2, 3]}, "positions is .* give one number"),
        ({"positions": True}, "positions is True; give a whole number"),
        ({"positions": "3"}, "positions is '3'; give a whole number"),
        ({"codebook_size": 1}, "codebook_size is 1; give a whole number from 2"),
        ({"codebook_size": [8, 1]}, "codebook_size is 1; give a whole number from 2"),
        ({"codebook_size": []}, "codebook_size is .*; give one number"),
        ({"hint_share": 1.5}, "hint_share is 1.5; give a number from 0 to 1"),
        ({"temperature": float("nan")}, "temperature is nan; give a number"),
        ({"temperature": None}, "temperature is None; give a number"),
        ({"learning_rate": -1}, "learning_rate is -1; give a number from 0 to 10"),
        ({"recon_layers": 4}, "recon_layers is 4; give a whole number from 1 to 3"),
        ({"contrastive": "euclid"}, "contrastive is 'euclid'; choose one of 'off', 'dot', 'cosine'"),
        ({"contrastive": False}, "contrastive is False; choose one of 'off'"),
        ({"hint_form": "words"}, "hint_form is 'words'; choose one of"),
        ({"codebook_init": "zeros"}, "codebook_init is 'zeros'; choose one of"),
        ({"reconstructor_warmup": "no"}, "reconstructor_warmup is 'no'; give True or False"),
        ({"category_text": 1}, "category_text is 1; give True or False"),
        ({"backbone": 5}, "backbone is 5; give a name"),
        ({"dropout": 0}, "dropout is 0, but the contrastive loss compares two dropout views"),
        ({"max_length": 513}, "max_length is 513, but the minilm backbone reads at most 512"),
        ({"backbone": "tiny", "train_encoder": True}, "train_encoder is for the minilm backbone"),
    ],
)
def test_what_is_out_of_range_gets_one_sentence(changes, sentence):
    with pytest.raises(SettingsError, match=sentence) as caught:
        make_settings(**changes)
    assert "\n" not in str(caught.value)


def test_dropout_may_be_off_where_no_loss_needs_two_views():
    assert make_settings(dropout=0, contrastive="off").dropout == 0
    assert make_settings(dropout=0, contrastive_weight=0).dropout == 0


@pytest.mark.parametrize("name", BY_CATEGORY_TEXT)
def test_some_defaults_depend_on_the_category_text(name):
    values = tuple(getattr(make_settings(category_text=text), name) for text in (True, False))
    assert values == BY_CATEGORY_TEXT[name] and values[0] != values[1]
    assert getattr(make_settings(category_text=True, **{name: 0.7}), name) == 0.7
    assert getattr(make_settings("slides", **{name: None}), name) == values[0]


def test_numbers_of_numpy_paths_and_whole_floats_become_plain():
    settings = make_settings(
        "tiny",
        positions=np.int64(2),
        codebook_size=np.array([4, 8]),
        temperature=np.float32(0.5),
        seed=3.0,
        backbone=Path("some") / "t5",
    )
    plain = settings.to_dict()
    assert (plain["positions"], plain["codebook_size"], plain["seed"]) == (2, [4, 8], 3)
    assert plain["temperature"] == 0.5 and plain["backbone"] == str(Path("some") / "t5")
    assert isinstance(plain["seed"], int)
    json.dumps(plain)


def test_every_setting_has_a_bound_or_a_choice_and_a_default_within():
    from lmindexer.settings import settings as module

    for field in dataclasses.fields(Settings):
        known = field.name in module._RANGES or field.name in module._CHOICES or field.type in (bool, str)
        assert known, f"{field.name} is taken as it comes"
    assert list(setting_names()) == [field.name for field in dataclasses.fields(Settings)]


def test_settings_cannot_be_changed_after_they_were_checked():
    with pytest.raises(dataclasses.FrozenInstanceError):
        make_settings().positions = 0


def test_more_codebook_sizes_than_positions_are_refused():
    from lmindexer.indexers import INDEXERS

    for method in ("lmindexer", "residual_kmeans", "rqvae", "random"):
        with pytest.raises(SettingsError, match="3 values for positions=2"):
            INDEXERS[method](positions=2, codebook_size=[4, 8, 4])
    assert INDEXERS["residual_kmeans"](positions=3, codebook_size=[4, 8]).codebook_sizes == (4, 8, 8)
