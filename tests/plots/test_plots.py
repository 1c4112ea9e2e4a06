"""Every figure: a Figure with title, axes and hover, every label escaped, the same colours everywhere."""

import itertools
import json

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
import run_bundles

import lmindexer as lmi
from lmindexer import plots
from lmindexer.browse import RunBrowser, compare, mapping
from lmindexer.browse.history import stage_spans
from lmindexer.common import palette
from lmindexer.ids.trie import IDTrie
from lmindexer.plots.style import id_text, plain
from lmindexer.quality import evaluate_ids
from lmindexer.runs.bundle import Bundle
from lmindexer.tasks.decoding import beam_course


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = run_bundles.write_all(tmp_path_factory.mktemp("runs"))
    return {name: RunBrowser.from_bundle(Bundle.open(folder / name)) for name in ("good", "other", "hostile", "bare")}


class Even:
    """A scorer that finds all codes alike."""

    def log_probabilities(self, prefixes):
        return np.full((len(prefixes), 5), -np.log(5))


def figures_of(run, other):
    """One of each figure, by name."""
    quality = evaluate_ids(*run.parts)
    mapping.has_map(run)
    labels = run.labels_of(1, range(9)) if run.levels else {}
    found = compare.pair(run, other)
    cells = compare.contingency(found)
    steps = {"position": [1, 1], "code": [0, 1], "probability": [0.7, 0.3], "rank": [1, 2], "chosen": [True, False]}
    words = {"token": ["<b>a", "b"], "hidden": [True, True], "with_code": [0.5, 0.2], "without_code": [0.1, 0.3]}
    words |= {"rank_with": [1, 3], "rank_without": [4, 2]}
    beam = beam_course(Even(), IDTrie(np.maximum(run.parts[0].codes, 0)), 3)
    names = {0: ["<script>", "saw"], 1: ["</b>"]}
    return {
        "agreement": plots.agreement({"<i>a</i>": quality, "b": quality}),
        "beam_tree": plots.beam_tree(beam.steps, {(0,): ["<script>"]}),
        "category_distribution": plots.category_distribution(run, prefix=(), level=1, names=names),
        "shares": plots.category_distribution(run, prefix=(1,), level=1, shares=True),
        "code_probabilities": plots.code_probabilities(pd.DataFrame(steps).assign(words=["<script>", "b"])),
        "code_usage": plots.code_usage(run, position=2, names=names),
        "collision_sizes": plots.collision_sizes(run),
        "contingency": plots.contingency(cells, "<i>a</i>", "b", compare.matching(cells), names, names),
        "icicle": plots.hierarchy(run, names={"0": ["<script>"]}),
        "sunburst": plots.hierarchy(run, prefix=(1,), kind="sunburst"),
        "id_map": plots.id_map(mapping.points(run, ("category", 1), (1,)), "category level 1", "category", labels),
        "id_map_raster": plots.id_map_raster(mapping.raster(run, ("position", 1)), "code 1", "position", {0: "<b>"}),
        "metric_intervals": plots.metric_intervals(compare.metrics(found)),
        "perplexity": plots.perplexity({"<i>a</i>": quality}),
        "reconstruction": plots.reconstruction(pd.DataFrame(words)),
        "training_curves": plots.training_curves({"<i>a</i>": run_bundles.history()}, "perplexity", (4, 4, 4), 150),
    }


def strings_in(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from strings_in(one)
    elif isinstance(value, list):
        for one in value:
            yield from strings_in(one)


@pytest.mark.parametrize("name", ["good", "hostile"])
def test_figures_have_titles_axes_and_no_markup_of_the_data(runs, name):
    for kind, figure in figures_of(runs[name], runs["other"] if name == "good" else runs[name]).items():
        assert isinstance(figure, go.Figure) and figure.layout.title.text, kind
        for text in strings_in(json.loads(figure.to_json())["data"]):
            for mark in ("<script", "<img", "<i>", "</b>", "<b>", "<a"):
                assert mark not in text, (kind, text)
        assert any(getattr(trace, "hovertemplate", None) for trace in figure.data), kind
        if kind not in ("icicle", "sunburst", "beam_tree", "code_probabilities", "perplexity", "metric_intervals"):
            assert figure.layout.xaxis.title.text or figure.layout.xaxis2.title.text, kind
            assert figure.layout.yaxis.title.text, kind


def test_the_distribution_s_bars_are_the_counts(runs):
    ids, corpus = runs["good"].parts
    figure = plots.category_distribution(ids, corpus, prefix=(), level=1)
    labels = pd.Series(corpus.labels(1)).replace("", "(no category)")
    drawn = sum(trace.y.sum() for trace in figure.data)
    assert drawn == len(ids)
    first = labels.value_counts()
    at = {text: place for place, text in enumerate(figure.layout.xaxis.ticktext)}
    for label, number in first.items():
        heights = sum(h for trace in figure.data for x, h in zip(trace.x, trace.y, strict=True) if x == at[label])
        assert heights == number


def test_a_sum_that_would_flatten_the_rest_has_axes_of_its_own():
    records = [{"doc_id": f"d{n}", "text": "saw", "category_1": f"k{n // 2:02}"} for n in range(60)]
    corpus = lmi.Corpus.from_records(records)
    ids = lmi.SemanticIDs.from_codes(corpus.doc_ids, [[n % 2] for n in range(60)], (2,))
    apart = plots.category_distribution(ids, corpus, level=1, top=3)
    on_its_own = [trace for trace in apart.data if trace.xaxis == "x2"]
    assert sum(sum(trace.y) for trace in on_its_own) == 54
    assert apart.layout.xaxis2.ticktext == ("27 others",)
    assert all(max(trace.y) <= 2 for trace in apart.data if trace.xaxis != "x2")
    together = plots.category_distribution(ids, corpus, level=1, top=29)
    assert not [trace for trace in together.data if trace.xaxis == "x2"]


def test_only_nodes_with_room_for_them_have_words(runs):
    tree = plots.hierarchy(runs["good"], depth=3).data[0]
    readable = [n >= 0.015 * max(tree.values) for n in tree.values]
    assert [bool(text) for text in tree.text] == readable and not all(readable) and all(tree.labels)


def test_shares_of_each_category_sum_up_to_one(runs):
    figure = plots.category_distribution(runs["good"], prefix=(0,), level=2, shares=True)
    total = pd.concat([pd.Series(trace.y, trace.x) for trace in figure.data]).groupby(level=0).sum()
    assert total.to_numpy() == pytest.approx(1)


def test_a_small_map_has_no_more_names_than_have_room(runs):
    run = runs["good"]
    mapping.has_map(run)
    points, labels = mapping.points(run, ("position", 1)), {code: "a long name" for code in range(9)}
    large, small = (plots.id_map(points, "c1", "position", labels, drawn=side) for side in (4_000, 40))
    assert len(large.layout.annotations) >= 3 > len(small.layout.annotations) >= 1


def test_a_category_has_one_colour_in_every_figure(runs):
    run = runs["good"]
    mapping.has_map(run)
    ranks = dict(zip(run.categories(1).label, run.categories(1)["rank"], strict=True))
    points = plots.id_map(mapping.points(run, ("category", 1)), "x", "category", run.labels_of(1, range(9)))
    raster = plots.id_map_raster(mapping.raster(run, ("category", 1)), "x", "category", run.labels_of(1, range(9)))
    tree = plots.hierarchy(run, level=1)
    for figure in (points, raster, tree):
        legend = {trace.name: trace.marker.color for trace in figure.data if trace.name in ranks}
        assert len(legend) >= 2
        assert legend == {name: palette.category_colour(ranks[name]) for name in legend}


def test_warm_ups_and_the_healthy_range_are_marked():
    figure = plots.training_curves({"a": run_bundles.history()}, "perplexity", (40, 40, 40), 150)
    shapes = [shape for shape in figure.layout.shapes if shape.type == "rect"]
    healthy = [shape for shape in shapes if shape.y0 == pytest.approx(4.0) and shape.y1 == 40]
    spans = stage_spans({"a": run_bundles.history()})
    assert len(healthy) == 3
    assert len(shapes) - 3 == spans.stage.isin(["reconstructor_warmup", "continuous"]).sum() == 4


def test_nothing_to_draw_says_so(runs):
    figure = plots.training_curves({"a": run_bundles.history()}, "contrastive")
    assert "No run holds this measure" in figure.layout.annotations[0].text
    assert "no categories" in plots.agreement(evaluate_ids(*runs["bare"].parts)).layout.annotations[0].text


def test_plain_text_for_figures():
    assert plain("a\n\tb\u202e\x00c") == "a b c"
    assert plain("<b>&", 60) == "&lt;b&gt;&amp;"
    assert len(plain("x" * 10**6, 50)) == 50 and id_text(()) == "all" and id_text((1, -1)) == "&lt;1&gt;"
    assert plain("👨‍👩‍👧 مرحبا") == "👨‍👩‍👧 مرحبا"


# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB; then OKLab (Ottosson 2020).
_SEEN = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
_TO_LMS = [[0.4122215, 0.5363325, 0.051446], [0.2119035, 0.6806995, 0.1073970], [0.0883025, 0.2817188, 0.6299787]]
_TO_LAB = [[0.2104543, 0.7936178, -0.0040720], [1.9779985, -2.4285922, 0.4505937], [0.0259040, 0.7827718, -0.8086758]]


def seen(colour: str, how: str) -> np.ndarray:
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return np.array(_TO_LAB) @ np.cbrt(np.array(_TO_LMS) @ np.clip(np.array(_SEEN[how]) @ linear, 0, 1))


@pytest.mark.parametrize("how", list(_SEEN))
def test_colours_stay_apart_for_every_kind_of_eye(how):
    for a, b in itertools.combinations(palette.COLOURS, 2):
        assert np.linalg.norm(seen(a, how) - seen(b, how)) > 0.055, (a, b)
    for a, b in itertools.combinations(palette.COLOURS[:6], 2):
        assert np.linalg.norm(seen(a, how) - seen(b, how)) > 0.07, (a, b)


def test_colour_and_hatching_tell_128_codes_apart():
    assert len({(palette.code_colour(code), palette.code_hatch(code)) for code in range(128)}) == 128
    assert palette.code_colour(-1) == palette.category_colour(-1) == palette.category_colour(16) == palette.OTHER
