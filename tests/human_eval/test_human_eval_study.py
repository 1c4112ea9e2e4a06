"""Human evaluation: what is drawn, who gets it, what annotators see, and the life of a study."""

import json
import math
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from studies_for_tests import SIZES, answer_all, corpus_of, ids_of, make

from lmindexer.common.errors import LMIndexerError, StudyError
from lmindexer.human_eval import TYPES, Study, detectable_difference, judgments_needed, preferences_needed
from lmindexer.human_eval.planning.drawing import Pool, draw, share_out, stratum_of
from lmindexer.human_eval.planning.gold import draw_gold
from lmindexer.human_eval.planning.guide import GUIDES, PROMPTS, SKIP_REASONS
from lmindexer.human_eval.planning.order import GAP, plan_showings
from lmindexer.human_eval.planning.planning import check_design, make_content
from lmindexer.human_eval.planning.power import power_in_words
from lmindexer.human_eval.planning.questions import Hidden, Question, choices_of, cut
from lmindexer.human_eval.planning.view import Arrangement, answer_of, build_view, key_of
from lmindexer.runs.bundle import write_bundle


@pytest.fixture(scope="module")
def corpus():
    return corpus_of()


@pytest.fixture(scope="module")
def codes(corpus):
    return {f"M{seed}": ids_of(corpus, seed).codes for seed in (1, 2, 3)}


@pytest.fixture(scope="module")
def drawn(codes):
    return draw(codes, dict.fromkeys(TYPES, 8), 2, seed=3)


# ------------------------------------------------------------------------------------------------------ drawing


def test_each_method_gives_as_many_questions_to_each_stratum_and_kind_of_wrong_document(drawn, codes):
    for kind in TYPES:
        cells: dict = {}
        for drafted, _, hidden in drawn.drafts:
            if drafted == kind:
                cells.setdefault(" ".join(sorted(hidden.methods)), Counter())[hidden.stratum, hidden.distractor] += 1
        assert len(cells) == 3, kind  # methods, or pairs of them
        first, *rest = cells.values()
        assert all(other == first for other in rest), kind
        assert sum(first.values()) == 8


def test_near_and_far_wrong_documents_are_equally_many(drawn):
    found = Counter(h.distractor for kind, _, h in drawn.drafts if kind in ("intruder", "pair"))
    assert found == {"near": 24, "far": 24}


def test_the_key_is_the_document_without_the_prefix_and_the_others_have_it(drawn, codes):
    for kind, groups, hidden in drawn.drafts:
        if kind not in ("intruder", "pair"):
            continue
        of, prefix = codes[hidden.methods[0]], hidden.prefixes[0]
        having = [tuple(of[row][:2]) == prefix for row in groups[-1]]
        key = int(hidden.key) - 1
        if kind == "intruder":
            assert having == [place != key for place in range(5)]
            stranger = groups[-1][key]
        else:
            assert tuple(of[groups[0][0]][:2]) == prefix and groups[0][0] not in groups[1]
            assert having == [place == key for place in range(2)]
            stranger = groups[-1][1 - key]
        assert (of[stranger][0] == prefix[0]) == (hidden.distractor == "near")


def test_the_other_types_show_what_they_say(drawn, codes):
    seen = set()
    for kind, groups, hidden in drawn.drafts:
        if kind in ("intruder", "pair"):
            continue
        seen.add(kind)
        for group, method, prefix, size in zip(
            groups if kind == "ab" else [sum(groups, ())], hidden.methods, hidden.prefixes, hidden.sizes, strict=True
        ):
            of, length = codes[method], len(prefix)
            assert {tuple(of[row][:length]) for row in group} == {prefix}
            assert size == (of[:, :length] == prefix).all(axis=1).sum() and stratum_of(size) == hidden.stratum
            assert len(set(group)) == len(group)
        if kind == "level":
            following = [{int(codes[hidden.methods[0]][row][2]) for row in part} for part in groups]
            assert all(len(part) == 1 for part in following) and len(set.union(*following)) == len(groups) >= 2
        if kind == "ab":
            assert set(groups[0]) & set(groups[1]) and set(groups[0]) != set(groups[1])
        assert hidden.key is None and (kind != "collision" or len(hidden.prefixes[0]) == len(SIZES))
    assert seen == {"coherence", "ab", "level", "collision"}


@given(
    st.lists(
        st.dictionaries(
            st.tuples(st.sampled_from(["4-7", "8-15", "16-31"]), st.sampled_from(["near", "far"])),
            st.integers(1, 9),
            min_size=1,
        ),
        min_size=1,
        max_size=3,
    ),
    st.integers(1, 60),
)
def test_shares_add_up_and_stay_within_what_every_method_has(sizes, wanted):
    cells = [{cell: list(range(number)) for cell, number in method.items()} for method in sizes]
    common = set.intersection(*map(set, cells)) if cells else set()
    plan = share_out(wanted, cells, need=4)
    times = {"4-7": 1, "8-15": 2, "16-31": 4}
    room = {cell: times[cell[0]] * min(len(method[cell]) for method in cells) for cell in common}
    assert set(plan) <= common and all(plan[cell] <= room[cell] for cell in plan)
    assert sum(plan.values()) == min(wanted, sum(room.values()))


def test_a_prefix_comes_again_only_when_all_others_have_come(codes):
    drafts = draw({"M1": codes["M1"]}, {"coherence": 30}, 2, seed=0).drafts
    used = Counter(hidden.prefixes[0] for _, _, hidden in drafts)
    pool = Pool.of("M1", codes["M1"], 2)
    for stratum in {hidden.stratum for _, _, hidden in drafts}:
        there = [
            tuple(prefix) for prefix, rows in zip(pool.prefixes.tolist(), pool.members, strict=True)
            if len(rows) >= 5 and stratum_of(len(rows)) == stratum
        ]  # fmt: skip
        counts = [used[prefix] for prefix in there]
        assert max(counts) - min(counts) <= 1 and max(counts) <= max(int(stratum.split("-")[0]) // 5, 1)


def test_shorter_ids_are_left_out_of_longer_prefixes():
    codes = np.array([[0, 1], [0, 1], [0, -1], [1, 0]])
    pool = Pool.of("m", codes, 2)
    assert pool.prefixes.tolist() == [[0, 1], [1, 0]] and [m.tolist() for m in pool.members] == [[0, 1], [3]]
    assert pool.strangers(0, "near").tolist() == [2] and pool.strangers(0, "far").tolist() == [3]


def test_few_prefixes_are_said_and_none_is_an_error(corpus, tmp_path):
    ids = ids_of(corpus, 1, (2, 2))
    study = make(tmp_path / "s", corpus=corpus, methods={"a": ids, "b": ids}, questions=["intruder"], per_method=500)
    assert "only" in study.plan and "of 500 questions a method" in study.plan
    unlike = {"a": ids_of(corpus, 1, (1,)), "b": ids_of(corpus, 2, (60,))}
    with pytest.raises(StudyError, match="'coherence' can be drawn"):
        make(tmp_path / "t", corpus=corpus, methods=unlike, questions=["coherence"])
    with pytest.raises(StudyError, match="compare two runs"):
        make(tmp_path / "t", corpus=corpus, methods={"a": ids}, questions=["ab"])
    with pytest.raises(StudyError, match="two positions"):
        make(tmp_path / "t", corpus=corpus, methods={"a": ids_of(corpus, 1, (6,))}, questions=["level"])
    assert not (tmp_path / "t").exists()


# --------------------------------------------------------------------------------------------------------- gold


@pytest.mark.parametrize("categories", [True, False])
def test_gold_questions_have_a_key_that_follows_from_the_documents(categories):
    corpus = corpus_of(categories=categories)
    if not categories:  # groups of documents with the same words
        frame = corpus.to_frame()
        frame["title"] = [f"kind{row % 12} thing{row % 12} sort{row % 12}" for row in range(len(frame))]
        frame["text"] = frame["title"]
        corpus = type(corpus).from_frame(frame)
    kind_of = (corpus.labels() if categories else np.array(corpus.titles)).tolist()
    drafts, note = draw_gold(corpus, TYPES, 40, np.random.default_rng(0))
    assert ("categories" if categories else "words") in note
    assert Counter(kind for kind, _, _ in drafts) == dict.fromkeys(("intruder", "pair", "ab", "collision"), 10)
    for kind, groups, hidden in drafts:
        assert not hidden.methods and not hidden.prefixes
        kinds = [[kind_of[row] for row in group] for group in groups]
        if kind == "intruder":
            assert kinds[0].count(kinds[0][int(hidden.key) - 1]) == 1 and len(set(kinds[0])) == 2
        elif kind == "pair":
            assert [name == kinds[0][0] for name in kinds[1]] == [hidden.key == "1", hidden.key == "2"]
        elif kind == "ab":
            assert [len(set(names)) == 1 for names in kinds] == [hidden.key == "a", hidden.key == "b"]
        else:
            assert (groups[0][0] == groups[0][1]) == (hidden.key == "yes")


def test_where_no_gold_can_be_made_the_plan_says_so(tmp_path):
    none, note = draw_gold(corpus_of(), ("coherence", "level"), 5, np.random.default_rng(0))
    assert not none and "no key" in note
    assert "none were asked for" in make(tmp_path / "s", gold=0).plan


# -------------------------------------------------------------------------------------------------- who gets what


def keyed_questions(numbers: dict[str, int], gold: int = 0) -> list[Question]:
    """Made-up questions: type → number; gold ones are pairs."""
    rng, found = np.random.default_rng(0), []
    for kind, number in [*numbers.items(), ("pair", gold)]:
        for _ in range(number):
            groups = {
                "intruder": (("v", "w", "x", "y", "z"),),
                "pair": (("x",), ("y", "z")),
                "ab": (("w", "x"), ("y", "z")),
                "level": (("u", "v"), ("w", "x"), ("y", "z")),
                "coherence": (("v", "w", "x", "y", "z"),),
                "collision": (("y", "z"),),
            }[kind]
            choices = choices_of(kind, groups)
            is_gold = len(found) >= sum(numbers.values())
            methods = ("m1", "m2") if kind == "ab" else (f"m{rng.integers(1, 3)}",)
            methods = () if is_gold else tuple(rng.permutation(methods).tolist())
            key = str(rng.choice(choices)) if kind in ("intruder", "pair") else None
            hidden = Hidden(methods=methods, key=key)
            found.append(Question(f"q{len(found)}", len(found) + 1, kind, groups, choices, is_gold, hidden))
    return found


designs = st.tuples(
    st.dictionaries(st.sampled_from(TYPES), st.integers(1, 14), min_size=1),
    st.integers(0, 4),  # gold
    st.integers(1, 5),  # slots
    st.integers(1, 5),  # overlap
    st.sampled_from([0.0, 0.1, 0.3, 1.0]),  # repeats
    st.integers(0, 2**32 - 1),
)


@given(designs)
def test_overlap_is_exact_loads_are_even_sides_are_balanced_and_repeats_come_late(design):
    numbers, gold, slots, overlap, repeats, seed = design
    overlap = min(overlap, slots)
    questions = keyed_questions(numbers, gold)
    showings = plan_showings(questions, slots, overlap, repeats, np.random.default_rng(seed))
    once = [showing for showing in showings if not showing.repeat]
    judges = Counter(showing.question for showing in once)
    for index, question in enumerate(questions):
        assert judges[index] == (slots if question.gold else overlap)
    loads = [sum(s.slot == slot for s in once) for slot in range(1, slots + 1)]
    assert max(loads) - min(loads) <= 1
    kinds = [(question.type, *sorted(question.hidden.methods)) for question in questions]
    for kind in {kinds[s.question] for s in once if not questions[s.question].gold}:
        mine = [s.slot for s in once if kinds[s.question] == kind and not questions[s.question].gold]
        counts = [mine.count(slot) for slot in range(1, slots + 1)]
        assert max(counts) - min(counts) <= 1
    for slot in range(1, slots + 1):
        mine = [showing for showing in showings if showing.slot == slot]
        assert [showing.place for showing in mine] == list(range(1, len(mine) + 1))
        _check_order(mine, questions, repeats)
        _check_sides(mine, questions)


def _check_order(mine, questions, repeats):
    kinds = [questions[showing.question].type for showing in mine]
    assert sum(one != other for one, other in pairwise(kinds)) == len(set(kinds)) - 1 if kinds else True
    first = {}
    for showing in mine:
        if showing.repeat:
            assert not questions[showing.question].gold
            block = sum(questions[s.question].type == questions[showing.question].type for s in mine if not s.repeat)
            assert showing.place - first[showing.question] >= max(min(GAP, block // 2), 1)
        else:
            assert first.setdefault(showing.question, showing.place) == showing.place
    if repeats == 0:
        assert not any(showing.repeat for showing in mine)


def _check_sides(mine, questions):
    """Where the key stands, and on which side the first method stands: every place as often as any other."""
    cells: dict = {}
    for showing in mine:
        question = questions[showing.question]
        if question.type == "ab":
            methods = question.hidden.methods
            side = showing.arrangement.groups.index(methods.index("m1"))
            cells.setdefault("ab", Counter({0: 0, 1: 0}))[side] += 1
        elif question.hidden.key is not None:
            place = int(key_of(question, showing.arrangement, question.hidden.key))
            everywhere = Counter(dict.fromkeys(range(1, len(question.groups[-1]) + 1), 0))
            cells.setdefault(question.type, everywhere)[place] += 1
    for counts in cells.values():
        assert max(counts.values()) - min(counts.values()) <= 1


@given(designs)
def test_every_arrangement_is_a_permutation_and_answers_lead_back(design):
    numbers, gold, slots, overlap, repeats, seed = design
    questions = keyed_questions(numbers, gold)
    for showing in plan_showings(questions, slots, min(overlap, slots), repeats, np.random.default_rng(seed)):
        question, arrangement = questions[showing.question], showing.arrangement
        assert sorted(arrangement.groups) == list(range(len(question.groups)))
        assert [sorted(items) for items in arrangement.items] == [list(range(len(g))) for g in question.groups]
        for choice in question.choices:
            assert answer_of(question, arrangement, key_of(question, arrangement, choice)) == choice
        for wrong in ("0", "", "a", str(len(question.choices) + 1), "１"):
            assert answer_of(question, arrangement, wrong) is None


# ------------------------------------------------------------------------------------------------ what is seen


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6))
def test_no_view_leaks_method_id_category_or_key(seed, tmp_path, corpus):
    path = tmp_path / f"{seed}.sqlite"
    with make(path, corpus=corpus, seed=seed, per_method=2, gold=0.3) as study:
        session = study.sign_in("Ada")
        while (view := session.next()) is not None:
            text = json.dumps(view.to_dict())
            for word in ("METHOD", "TOP", "LEAF", "doc-", "<", "near", "far", "gold", "key\": \"a", "stratum"):
                assert word not in text, (word, text)
            assert set(view.to_dict()) == {"token", "number", "total", "type", "prompt", "groups", "choices"}
            assert [choice.key for choice in view.choices] == [str(n) for n in range(1, len(view.choices) + 1)]
            session.answer("1")
    path.unlink()


def test_what_a_view_shows_does_not_depend_on_what_is_hidden():
    question = keyed_questions({"intruder": 1})[0]
    documents = {name: _Doc(name) for name in "vwxyz"}
    other = Question(**{**question.__dict__, "gold": True, "hidden": None})
    plain = Arrangement.plain(question)
    assert build_view(question, plain, documents) == build_view(other, plain, documents)


class _Doc:
    def __init__(self, name):
        self.title, self.text, self.whole = name, name, ""


def test_long_texts_are_cut_at_a_word_and_lines_are_joined():
    assert cut("a  b\nc") == "a b c"
    assert cut("word " * 200, 18) == "word word word…"
    assert cut("x" * 500, 10) == "x" * 10 + "…"
    assert len(cut("many words " * 100)) <= 401


def test_every_type_has_a_guideline_with_worked_examples():
    assert set(GUIDES) == set(PROMPTS) == set(TYPES)
    for guide in GUIDES.values():
        assert guide.examples and guide.rules and all(example.why for example in guide.examples)
    assert len(set(SKIP_REASONS)) == len(SKIP_REASONS) > 1


# ------------------------------------------------------------------------------------------------ same seed


def _content(corpus, seed):
    methods = {"one": ids_of(corpus, 1), "two": ids_of(corpus, 2)}
    return make_content(methods, corpus, check_design(TYPES, 4, 3, 2, 0.2, 0.2, None, seed))


def test_one_annotator_is_enough(tmp_path):
    study = make(tmp_path / "s", annotators=1, overlap=None)
    assert answer_all(study, "Ada") == study.progress()["total"] and study.facts["overlap"] == 1


def test_the_same_seed_makes_the_same_study_and_another_seed_another(corpus, tmp_path):
    first, again, other = (_content(corpus, seed) for seed in (1, 1, 2))
    assert first == again and first.fingerprint == again.fingerprint and first.tokens() == again.tokens()
    assert first.fingerprint != other.fingerprint and not set(first.tokens()) & set(other.tokens())
    one, two = make(tmp_path / "a", corpus=corpus), make(tmp_path / "b", corpus=corpus)
    assert one.fingerprint == two.fingerprint
    assert one.sign_in("Ada").next() == two.sign_in("Ben").next()


# ---------------------------------------------------------------------------------------------- a study's life


def test_a_study_from_bundles(tmp_path, corpus):
    for name, method, seed in (("x", "rqvae", 1), ("y", "hierarchical", 2), ("z", "rqvae", 3)):
        manifest = {"method": method, "settings": {}}
        write_bundle(tmp_path / name, manifest=manifest, corpus=corpus, ids=ids_of(corpus, seed))
    study = Study.create([tmp_path / "x", tmp_path / "y"], path=tmp_path / "s", per_method=3)
    assert [run["label"] for run in study.facts["runs"]] == ["rqvae", "hierarchical"]
    assert study.name == "Which texts belong together?"  # annotators never see the file's name
    study = Study.create([tmp_path / "x", tmp_path / "z"], path=tmp_path / "t", per_method=3)
    assert [run["label"] for run in study.facts["runs"]] == ["x", "z"]
    with pytest.raises(StudyError, match="same method and name"):
        Study.create([tmp_path / "x", tmp_path / "x"], path=tmp_path / "u")
    smaller = corpus_of(100)
    write_bundle(tmp_path / "w", manifest={"method": "lm", "settings": {}}, corpus=smaller, ids=ids_of(smaller, 1))
    with pytest.raises(StudyError, match="another corpus"):
        Study.create([tmp_path / "x", tmp_path / "w"], path=tmp_path / "u")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"questions": ["odd"]}, "no type of question"),
        ({"questions": []}, "No type"),
        ({"per_method": 0}, "per_method"),
        ({"annotators": 0}, "annotators"),
        ({"annotators": ["Ada", " ada"]}, "same name"),
        ({"overlap": 4}, "overlap"),
        ({"repeats": 1.5}, "repeats"),
        ({"gold": -1}, "gold"),
        ({"length": 4}, "length is 4"),
        ({"length": 0}, "length is 0"),
        ({"password": " "}, "password is empty"),
    ],
)
def test_a_wrong_design_is_named_before_anything_is_written(tmp_path, changes, words):
    with pytest.raises(StudyError, match=words):
        make(tmp_path / "s", **changes)
    assert not list(tmp_path.iterdir())


def test_ids_of_part_of_the_corpus_are_refused(tmp_path, corpus):
    ids = ids_of(corpus, 1)
    with pytest.raises(StudyError, match="100 of 240"):
        make(tmp_path / "s", corpus=corpus, methods={"a": ids.take(np.arange(100)), "b": ids})


def test_sign_in_checks_password_names_and_places(tmp_path):
    study = make(tmp_path / "s", password="mauve", annotators=2)
    assert study.has_password and "mauve" not in (tmp_path / "s").read_bytes().decode("latin-1")
    with pytest.raises(StudyError, match="password is another"):
        study.sign_in("Ada", "blue")
    with pytest.raises(StudyError, match="password"):
        study.sign_in("Ada")
    assert study.sign_in("  Ada  L ", "mauve").annotator == "Ada L"
    assert study.sign_in("ADA l", "mauve").annotator == "Ada L"  # the same person
    study.sign_in("Ben", "mauve")
    with pytest.raises(StudyError, match="places of the study are taken"):
        study.sign_in("Cy", "mauve")
    for name in ("", "   ", "x" * 61, "a\x00b", "a\u202eb"):
        with pytest.raises(StudyError, match="Give a name"):
            study.sign_in(name, "mauve")
    with pytest.raises(StudyError, match="is for people"):
        study.sign_in("Ada L", "mauve", simulated=True)


def test_named_studies_let_nobody_else_in(tmp_path):
    study = make(tmp_path / "s", annotators=["Ada", "Ben"])
    assert study.sign_in("ben").slot == 2 and study.sign_in("Ada").slot == 1
    with pytest.raises(StudyError, match="not on the study's list"):
        study.sign_in("Cy")


def test_simulated_annotators_never_count_as_people(tmp_path):
    study = make(tmp_path / "s", simulated=True)
    with pytest.raises(StudyError, match="simulated annotators only"):
        study.sign_in("Ada")
    study.sign_in("bot", simulated=True).answer("1", token=study.sign_in("bot", simulated=True).next().token)
    assert study.answers(early="test")["simulated"].all() and study.annotators()["simulated"].all()


def test_a_whole_study_by_three_annotators(tmp_path):
    study = make(tmp_path / "s")
    for name in ("Ada", "Ben", "Cy"):
        assert not study.ended
        count = answer_all(study, name, lambda view: view.choices[-1].key)
        assert count == len(study.given(study.sign_in(name).slot))
    assert study.ended and study.progress()["done"] == study.progress()["total"] == sum(study.facts["showings"])
    frame = study.answers()
    once = frame[~frame["repeat"] & ~frame["gold"]]
    assert set(once.groupby("question_id")["annotator"].nunique()) == {2}
    assert set(frame[frame["gold"]].groupby("question_id")["annotator"].nunique()) == {3}
    assert frame["repeat"].sum() > 0 and not frame["skipped"].any() and (frame["seconds"] == 2).all()
    assert "method" not in frame and "key" not in frame
    keyed = frame[frame["type"].isin(["intruder", "pair"])]
    last = keyed["type"].map({"intruder": 5.0, "pair": 2.0})
    assert (keyed["correct"] == (keyed["position"] == last)).all()
    assert frame.loc[frame["type"] == "coherence", "answer"].eq("5").all()
    people = study.annotators()
    assert people["answered"].tolist() == people["total"].tolist() and not people["left"].any()


def test_unblinding_is_explicit_logged_and_joins_the_methods(tmp_path):
    study = make(tmp_path / "s")
    assert all(question.hidden is None for question in study.questions())
    with pytest.raises(StudyError, match="has not ended"):
        study.unblind("Ada")
    with pytest.raises(StudyError, match="when the study has ended"):
        study.answers()
    answer_all(study, "Ada")
    study.end("Boss", "enough")
    study.unblind("Boss", "for the report")
    frame = study.answers()
    plain = frame[~frame["gold"]]
    assert set(plain.loc[plain["type"] != "ab", "method"]) == {"METHOD-ONE", "METHOD-TWO"}
    ab = plain[plain["type"] == "ab"]
    assert (ab["preferred"] == ab["method_a"].where(ab["answer"] == "a", ab["method_b"])).all()
    assert ab["method"].isna().all() and frame[frame["gold"]]["method"].isna().all()
    keyed = frame[frame["key"].notna()]
    assert (keyed["correct"] == (keyed["answer"] == keyed["key"])).all() and len(keyed)
    assert all(question.hidden is not None for question in study.questions())
    kinds = study.events()
    (event,) = kinds[kinds["kind"] == "unblind"].itertuples()
    assert event.annotator == "Boss" and event.body == {"reason": "for the report", "early": False}


def test_an_early_look_and_early_unblinding_are_kept(tmp_path):
    study = make(tmp_path / "s")
    session = study.sign_in("Ada")
    session.next()
    session.answer("1")
    assert len(study.answers(early="a first look")) == 1
    study.unblind("Boss", early=True)
    session.next()
    session.answer("1")
    assert study.answers(early="again")["after_unblinding"].tolist() == [False, True]
    events = study.events(early="third")
    looks = events[events["kind"] == "early_look"]["body"].tolist()
    assert [look["reason"] for look in looks] == ["a first look", "again", "third"]
    assert events[events["kind"] == "unblind"]["body"].tolist() == [{"reason": "", "early": True}]


def test_after_the_end_nothing_is_taken(tmp_path):
    study = make(tmp_path / "s")
    session = study.sign_in("Ada")
    view = session.next()
    session.answer("1")
    following = session.next()
    study.end("Boss")
    assert session.next() is None and study.ended
    for act in (lambda: session.answer("1", token=following.token), lambda: session.skip("x"), session.undo):
        with pytest.raises(StudyError, match="ended"):
            act()
    assert session.answer("2", token=view.token).duplicate  # what was acknowledged stays so
    assert len(study.answers()) == 1


def test_a_drop_outs_place_goes_to_the_next_comer(tmp_path):
    study = make(tmp_path / "s", annotators=["Ada", "Ben"])
    session = study.sign_in("Ada")
    for _ in range(3):
        session.next()
        session.answer("1")
    study.hand_on("ADA", by="Boss", reason="ill")
    with pytest.raises(StudyError, match="handed to somebody else"):
        session.answer("1", token=session.next().token)
    with pytest.raises(StudyError, match="handed to somebody else"):
        study.sign_in("Ada")
    heir = study.sign_in("Cy")
    assert heir.slot == 1 and heir.progress().done == 3
    assert answer_all(study, "Cy") == study.facts["showings"][0] - 3
    assert answer_all(study, "Ben") == study.facts["showings"][1]
    frame = study.answers()
    assert not frame.duplicated(["annotator", "place"]).any() and study.ended
    assert set(frame.loc[frame["annotator"] == "Ada", "place"]) == {1, 2, 3}


def test_adjudication_takes_the_latest_decision_and_keeps_all(tmp_path):
    study = make(tmp_path / "s")
    question = next(question for question in study.questions() if question.type == "collision")
    view = study.view(question.question_id)
    assert view.token == "" and len(view.groups[0].items) == 2
    study.adjudicate(question.question_id, "yes", "Boss")
    study.adjudicate(question.question_id, "no", "Boss", "second thoughts")
    (row,) = study.adjudications().itertuples()
    assert (row.answer, row.by, row.comment) == ("no", "Boss", "second thoughts")
    assert (study.events(early="x")["kind"] == "adjudicate").sum() == 2
    with pytest.raises(StudyError, match="no answer"):
        study.adjudicate(question.question_id, "perhaps", "Boss")
    with pytest.raises(StudyError, match="no question"):
        study.view("nothing")
    with pytest.raises(StudyError, match="note:"):
        study.log("answer", "Boss", {})
    study.log("note:report", "Boss", {"file": "x"})


# --------------------------------------------------------------------------------------------------------- power


def test_power_against_a_table_and_a_simulation():
    # Fleiss, Levin, Paik: P1 = 0.25, P2 = 0.40, alpha 0.05, power 0.8: 152 a group without continuity correction
    assert judgments_needed(0.15, base=0.25) == 152
    n, rng = judgments_needed(0.2, base=0.6), np.random.default_rng(0)
    one, two = rng.binomial(n, 0.6, 20_000) / n, rng.binomial(n, 0.8, 20_000) / n
    pooled = (one + two) / 2
    z = (two - one) / np.sqrt(2 * pooled * (1 - pooled) / n)
    assert abs((np.abs(z) > 1.96).mean() - 0.8) < 0.02
    n = preferences_needed(0.65)
    share = rng.binomial(n, 0.65, 20_000) / n
    assert abs((np.abs(share - 0.5) / math.sqrt(0.25 / n) > 1.96).mean() - 0.8) < 0.04


@given(st.integers(20, 2000), st.floats(0.1, 0.8), st.integers(1, 4), st.floats(0, 1))
def test_the_detectable_difference_inverts_the_number_needed(judgments, base, overlap, icc):
    found = detectable_difference(judgments, base, overlap=overlap, icc=icc)
    if found < 1 - base - 1e-5:
        assert judgments_needed(found, base, overlap=overlap, icc=icc) <= judgments
        assert judgments_needed(found * 0.98, base, overlap=overlap, icc=icc) >= judgments


def test_a_plan_claims_no_power_that_it_lacks():
    assert math.isnan(detectable_difference(10))
    words = power_in_words(10, 1)
    assert "too few to find even one that is always right" in words and "60 % right" in words
    assert str(judgments_needed(0.4 - 1e-6)) in words and "points" not in words
    assert "60 % right" in power_in_words(82, 1) and "20 points more" in power_in_words(82, 1)
    assert "if they are always the same" in power_in_words(82, 3)
    assert "not even one that is always right if they are always the same" in power_in_words(10, 3)


@pytest.mark.parametrize(("difference", "base"), [(0, 0.5), (-0.1, 0.5), (0.5, 0.5), (0.1, 0)])
def test_power_refuses_impossible_shares(difference, base):
    with pytest.raises(LMIndexerError):
        judgments_needed(difference, base)
