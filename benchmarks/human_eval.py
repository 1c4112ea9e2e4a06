"""What the statistics of a labelling study do when the truth is known: false alarms, power, coverage.

    python benchmarks/human_eval.py

Prints the tables of docs/results/human_eval.md. Simulated answers only; about two minutes on one core.
"""

import numpy as np

from lmindexer.human_eval.results.agreement import (
    agreement_table,
    cohen_kappa,
    fleiss_kappa,
    gwet_ac,
    krippendorff_alpha,
    percent_agreement,
)
from lmindexer.human_eval.results.intervals import clustered_share
from lmindexer.human_eval.results.simulate import rates

STUDIES, SHARES = 500, 2000
CASES = (
    ("no difference, 2 annotators", {"a": 0.65, "b": 0.65}, {"annotators": 2}),
    ("no difference, 3 annotators", {"a": 0.65, "b": 0.65}, {}),
    ("no difference; 6 annotators, each with a taste of their own",
     {"a": 0.65, "b": 0.65}, {"annotators": 6, "overlap": 3, "interaction_spread": 0.6}),
    ("0.75 against 0.65, 3 annotators", {"a": 0.75, "b": 0.65}, {}),
    ("0.85 against 0.55, 3 annotators", {"a": 0.85, "b": 0.55}, {}),
)  # fmt: skip
STATISTICS = {
    "percent": percent_agreement,
    "Fleiss κ": fleiss_kappa,
    "Krippendorff α (nominal)": krippendorff_alpha,
    "Gwet AC1": gwet_ac,
    "Cohen κ": lambda table: cohen_kappa(*table.T),
}


def comparisons() -> None:
    """Table 1: tests and intervals of the difference between two methods."""
    print("| simulated | truth | found | interval holds | width | found (wide) | wide holds | width |")
    print("|---|---|---|---|---|---|---|---|")
    for name, accuracy, more in CASES:
        r = rates(accuracy, STUDIES, **more)
        print(f"| {name} | {r.truth:.3f} | {r.found:.3f} | {r.covered:.3f} | {r.width:.2f} | {r.found_wide:.3f} | "
              f"{r.covered_wide:.3f} | {r.width_wide:.2f} |", flush=True)  # fmt: skip


def drawn(rng, units: int) -> np.ndarray:
    """Two annotators, three answers, one in twenty missing."""
    true = rng.choice([1, 2, 3], units, p=[0.5, 0.3, 0.2])
    ratings = np.where(rng.random((units, 2)) < 0.75, true[:, None], rng.integers(1, 4, (units, 2))).astype(float)
    ratings[rng.random(ratings.shape) < 0.05] = np.nan
    return ratings


def agreement() -> None:
    """Table 2: how many intervals of agreement hold the value of a study of 200,000 questions."""
    rng = np.random.default_rng(21)
    large = drawn(rng, 200_000)
    truth = {name: statistic(large) for name, statistic in STATISTICS.items()}
    print(f"\n| questions | {' | '.join(STATISTICS)} |\n|---|{'---|' * len(STATISTICS)}")
    for units in (30, 60, 120):
        inside = np.zeros(len(STATISTICS))
        for seed in range(STUDIES):
            found = agreement_table(drawn(rng, units), [1, 2, 3], resamples=400, seed=seed).set_index("statistic")
            inside += [found["low"][name] <= truth[name] <= found["high"][name] for name in STATISTICS]
        print(f"| {units} | {' | '.join(f'{share:.3f}' for share in inside / STUDIES)} |", flush=True)


def shares() -> None:
    """Table 3: how many intervals of a share of right answers hold it, where answers to one question are alike.

    A question's own chance is drawn from a beta distribution of mean p whose spread gives the correlation (ICC) of the
    answers of two raters; with an ICC of 1 all raters of a question answer alike.
    """
    rng = np.random.default_rng(22)
    print("\n| questions × raters | p | ICC 0 | 0.3 | 1 | mean width, ICC 1 |\n|---|---|---|---|---|---|")
    for questions, raters in ((10, 5), (20, 3), (40, 2)):
        clusters = np.repeat(np.arange(questions), raters)
        for p in (0.5, 0.9):
            held, width = [], 0.0
            for icc in (0.0, 0.3, 1.0):
                inside = 0
                for _ in range(SHARES):
                    chance = np.full(questions, p) if icc == 0 else (rng.random(questions) < p).astype(float)
                    if 0 < icc < 1:
                        chance = rng.beta(p * (1 - icc) / icc, (1 - p) * (1 - icc) / icc, questions)
                    found = clustered_share(rng.random(len(clusters)) < np.repeat(chance, raters), clusters)
                    inside += found.low <= p <= found.high
                    width += (found.high - found.low) * (icc == 1)
                held.append(f"{inside / SHARES:.3f}")
            print(f"| {questions} × {raters} | {p} | {' | '.join(held)} | {width / SHARES:.2f} |", flush=True)


if __name__ == "__main__":
    shares()
    comparisons()
    agreement()
