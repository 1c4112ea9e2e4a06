"""Checks of how IDs are judged, by measures and by people, notebooks 07 and 09."""

import math
from collections import Counter

import numpy as np

from lmindexer.course.verdict import asked, begun, compare, exactly, exercise, right, same_everywhere, tensor, wrong
from lmindexer.human_eval import cohen_kappa as package_kappa
from lmindexer.human_eval import judgments_needed
from lmindexer.quality.categories import category_agreement


@exercise("two equal groupings")
def renamed_ami(answer) -> None:
    """The AMI of two groupings that differ in their names only."""
    wanted = category_agreement(["a", "a", "b"], [1, 1, 0]).ami
    if not abs(float(tensor(begun(answer), "answer")) - wanted) < 1e-9:
        wrong(f"It is not {answer}. Only who is together with whom counts, not what the groups are called.")
    right("names do not count, only who is together with whom")


@exercise("codes for purity 1")
def pure_codes(function) -> None:
    """function(N) -> the least number of used codes with which N documents are pure, whatever their categories."""
    slips = {
        "Two documents share a code in yours, and they may be of two categories.": lambda n: n - 1,
        "Fewer are enough: a code that nobody has helps nobody.": lambda n: n + 1,
    }
    exactly(function, [(n,) for n in (1, 2, 10, 600, 11_044)], lambda n: n, slips, "codes")
    right("one document a code: always pure, and worth nothing")


def _error(labels, codes) -> float:
    """Jackknife standard error of the AMI: √((N-1)/N · Σ(AMI without i - their mean)²)."""
    kept = ~np.eye(len(labels), dtype=bool)
    left = np.array([category_agreement(labels[row], codes[row]).ami for row in kept])
    return float(np.sqrt((len(left) - 1) / len(left) * ((left - left.mean()) ** 2).sum()))


@exercise("error over documents")
def error_over_documents(function) -> None:
    """function(labels [N], codes [N]) -> standard error of the AMI by leaving out one document after the other."""
    rng = np.random.default_rng(0)
    for n in (12, 25, 40):
        codes = rng.integers(4, size=n)
        labels = np.where(rng.random(n) < 0.6, codes, rng.integers(4, size=n)).astype(str)
        wanted = _error(labels, codes)
        plain = wanted / (n - 1) ** 0.5
        slips = {
            "This is the spread of the values left. One document of N moves little: the error is √(N - 1) times "
            "their standard deviation.": plain,
            "Nearly: divide by N, not by N - 1, in the standard deviation (np.std does).": (
                wanted * (n / (n - 1)) ** 0.5
            ),
            "This is the variance; take its root.": wanted**2,
        }
        compare(asked(function, labels, codes), wanted, slips, "the error", f"for {n} documents ")
    right("the standard error of an AMI over documents")


@exercise("judgments")
def judgments(function) -> None:
    """function(one, two) -> judgments of each method that tell the shares apart, power 80 %, test at 5 %."""
    rng = np.random.default_rng(0)
    cases = [(0.5, 0.75), (0.6, 0.7)]
    cases += [(round(float(a), 2), round(float(a + b), 2)) for a, b in
              zip(rng.uniform(0.1, 0.6, 10), rng.uniform(0.05, 0.35, 10), strict=True)]  # fmt: skip

    def needed(one, two):
        return judgments_needed(round(two - one, 10), base=one)

    slips = {"A part of a judgment cannot be had, and one less is too few: round up.": lambda a, b: needed(a, b) - 1,
             "This is for both methods together; the formula counts one.": lambda a, b: 2 * needed(a, b)}  # fmt: skip
    exactly(function, cases, needed, slips, "judgments")
    right("judgments of each method, rounded up")


@exercise("κ")
def cohen_kappa(function) -> None:
    """function(one, two) -> Cohen's κ of two lists of answers, of any categories."""
    rng = np.random.default_rng(0)
    cases = [(list("aabbcc"), list("abcccc"))]
    for k in (2, 3, 5):
        one, other = (rng.choice(k, size=40, p=rng.dirichlet(np.ones(k))) for _ in range(2))
        two = np.where(rng.random(40) < 0.5, one, other)
        cases.append((["abcde"[i] for i in one], ["abcde"[i] for i in two]))
        cases.append((one.tolist(), other.tolist()))

    def above(observed, chance):
        return (observed - chance) / (1 - chance) if chance < 1 else math.nan

    def same(one, two):
        return float(np.mean([a == b for a, b in zip(one, two, strict=True)]))

    def pooled(one, two):
        both = Counter([*one, *two])
        return sum((n / (2 * len(one))) ** 2 for n in both.values())

    slips = {
        "This is the share of equal answers; take chance away.": same,
        "Chance here is by the answers of both together: that is Scott's π. Cohen multiplies the shares of one with "
        "the shares of the other.": lambda one, two: above(same(one, two), pooled(one, two)),
        "Chance is not 1/K: annotators have habits. Multiply the shares of one with the shares of the other.": (
            lambda one, two: above(same(one, two), 1 / len({*one, *two}))
        ),
    }
    same_everywhere(function, cases, package_kappa, slips, "κ", show=False)
    right("Cohen's κ of two lists")


@exercise("without the careless annotator")
def without_careless(answer, answers) -> None:
    """{method: share of right intruder answers} without the annotator who is least often like the others.

    answers: `study.answers()`; gold questions, repeats and skips do not count.
    """
    if not isinstance(begun(answer), dict):
        wrong(f"Give a dictionary from method to share, not {type(answer).__name__}.")
    counts = answers[~answers["gold"] & ~answers["repeat"] & ~answers["skipped"]]
    said = counts.pivot(index="question_id", columns="annotator", values="answer").dropna()
    like = {name: np.mean([(said[name] == said[other]).mean() for other in said if other != name]) for name in said}
    intruder = counts[counts["type"] == "intruder"]

    def shares(rows):
        return rows.assign(right=rows["correct"].astype(float)).groupby("method")["right"].mean().to_dict()

    careless = min(like, key=like.get)
    wanted = shares(intruder[intruder["annotator"] != careless])
    if set(answer) != set(wanted):
        wrong(f"A share for {' and '.join(sorted(wanted))} is wanted; yours has {', '.join(map(str, answer))}.")
    slips = {
        "These are the shares with all annotators.": shares(intruder),
        "These are the shares of the careless one alone.": shares(intruder[intruder["annotator"] == careless]),
        "Pair questions are in it, too; only intruder questions are asked for.": (
            shares(counts[counts["annotator"] != careless])
        ),
    }
    order = sorted(wanted)
    slips = {words: [float(found[method]) for method in order] for words, found in slips.items()}
    compare([float(answer[m]) for m in order], [wanted[m] for m in order], slips, "the shares")
    right(f"without {careless}, found by the answers alone")
