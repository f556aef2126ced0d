"""The claims of the SIMILAR paper, held against the tables that similar.py has written.

    python tests/benchmarks/similar_claims.py docs/results/similar

Prints two markdown tables. The first has a row a data set, scenario and strategy: its
score and the labels it bought that were wanted (rare, different, in-distribution). The
second has a row a claim: the difference between two strategies in points, paired by
repeat, in the first two rounds, over the whole curve and at its end; mean and standard
deviation. "Baseline" is the best over the curve of those that the paper compares with.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

BASELINES = ["Random", "Entropy", "Margin", "BADGE", "CoreSet", "GLISTER"]
SCORES = {  # the score, and what of the labels is wanted
    "rare": ("rare_accuracy", "n_rare"),
    "redundancy": ("accuracy", "n_unique"),
    "ood": ("accuracy", "n_inside"),
}
CLAIMS = {
    "rare": {
        "FLQMI ahead of the baselines": ("FLQMI", None),
        "LogDetMI ahead of the baselines": ("LogDetMI", None),
        "LogDetMI ahead of what knows no examples": ("LogDetMI", "Margin"),
        "FLQMI ahead of what knows no examples": ("FLQMI", "Margin"),
        "FLQMI ahead of GCMI": ("FLQMI", "GCMI"),
        "LogDetMI ahead of GCMI": ("LogDetMI", "GCMI"),
        "GCMI ahead of DivGCMI": ("GCMI", "DivGCMI"),
        "FISHER with 1,000 labels comparable": ("FISHER", "LogDetMI"),
    },
    "redundancy": {
        "LogDetCG ahead of the baselines": ("LogDetCG", None),
        "FLCG ahead of the baselines": ("FLCG", None),
        "LogDetCG ahead of FLCG": ("LogDetCG", "FLCG"),
        "LogDetCG ahead of LogDet": ("LogDetCG", "LogDet"),
    },
    "ood": {
        "LogDetCMI ahead of the baselines": ("LogDetCMI", None),
        "FLCMI ahead of the baselines": ("FLCMI", None),
        "LogDetCMI ahead of LogDetMI": ("LogDetCMI", "LogDetMI"),
        "FLCMI ahead of FLVMI": ("FLCMI", "FLVMI"),
    },
}


def told(values, digits=1):
    """Return mean and standard deviation."""
    return f"{values.mean():+.{digits}f} ± {values.std(ddof=1):.{digits}f}"


def curves(table, column):
    """Return a column as a frame: strategies and repeats by rounds after the first."""
    wide = table.pivot_table(column, ["strategy", "repeat"], "round")
    return wide.drop(columns=0)


def standings(name, table, score, wanted):
    """Yield the rows of the first table, best over the curve first."""
    of_score, of_wanted = 100 * curves(table, score), curves(table, wanted)
    bought = table["n_labeled"].max() - table["n_labeled"].min()
    means = of_score.mean(axis=1).groupby("strategy").agg(["mean", "std"])
    for strategy, row in means.sort_values("mean", ascending=False).iterrows():
        last = of_score.loc[strategy].iloc[:, -1].mean()
        overall = 100 * curves(table, "accuracy").loc[strategy].iloc[:, -1].mean()
        n_wanted = of_wanted.loc[strategy].iloc[:, -1].mean()
        yield (
            f"| {name} | {strategy} | {row['mean']:.1f} ± {row['std']:.1f} "
            f"| {last:.1f} | {overall:.1f} | {n_wanted:.0f} of {bought} |"
        )


def differences(name, table, kind, score):
    """Yield the rows of the second table."""
    wide = 100 * curves(table, score)
    means = wide.mean(axis=1).groupby("strategy").mean()
    best = means.reindex(BASELINES).idxmax()
    for claim, (row, other) in CLAIMS[kind].items():
        other = best if other is None else other
        if not {row, other} <= set(means.index):
            continue
        mine, theirs = wide.loc[row], wide.loc[other]
        apart = (mine - theirs).dropna()
        parts = [apart.iloc[:, :2].mean(axis=1), apart.mean(axis=1), apart.iloc[:, -1]]
        yield f"| {claim} ({other}) | {name} | {' | '.join(map(told, parts))} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    found = {}
    for path in sorted(folder.glob("*-*.csv")):
        table = pd.read_csv(path)
        kind = path.stem.split("-")[1]
        if kind in SCORES and "round" in table:
            found[path.stem] = kind, table
    print(
        "| pool | strategy | score over the curve | at the end | all classes | wanted |"
    )
    print("|---|---|--:|--:|--:|--:|")
    for name, (kind, table) in found.items():
        print(*standings(name, table, *SCORES[kind]), sep="\n")
    print("\n| claim (against) | pool | at first | over the curve | at the end |")
    print("|---|---|--:|--:|--:|")
    for name, (kind, table) in found.items():
        print(*differences(name, table, kind, SCORES[kind][0]), sep="\n")
    repeats = {name: table["repeat"].nunique() for name, (_, table) in found.items()}
    print("\nRepeats:", ", ".join(f"{name} {n}" for name, n in repeats.items()))
    assert np.all([n > 1 for n in repeats.values()])


if __name__ == "__main__":
    main()
