"""The claims of the BAL paper, held against the tables that bal.py has written.

    python tests/benchmarks/bal_claims.py docs/results/bal

Prints a markdown table: for each claim and table, the difference in accuracy between
two rows, in points, paired by repeat: over the whole curve (area), at its first, middle
and last budget; mean and standard deviation over the repeats.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

CLAIMS = {
    "ahead of random": ("BAL", "Random"),
    "ahead of confidence over the whole pool": ("BAL", "Confidence"),
    "ahead of entropy": ("BAL", "Entropy"),
    "ahead of core-set": ("BAL", "CoreSet"),
    "ahead of ActiveFT": ("BAL", "ActiveFT"),
    "ahead of PT4AL": ("BAL", "PT4AL"),
    "adaptive over equal parts": ("BAL", "BAL, 1.0"),
    "factor 2 over 1": ("BAL, 2.0", "BAL, 1.0"),
    "factor 0.5 over 1": ("BAL, 0.5", "BAL, 1.0"),
    "CDD over pretext loss": ("BAL", "BAL, pretext loss"),
    "CDD over distance to center": ("BAL", "BAL, distance to center"),
    "hard to easy over easy to hard": ("BAL", "BAL, descending"),
    "confidence over entropy inside": ("BAL", "BAL, entropy"),
    "confidence over k-means inside": ("BAL", "BAL, k-means"),
    "confidence over random inside": ("BAL", "BAL, random"),
    "hardest first over random first": ("BAL", "BAL, random start"),
    "uniform over released schedule": ("BAL", "BAL, released"),
}


def differences(table, row, other):
    """Return the paired differences (repeats, rounds) and the budgets."""
    curves = table.pivot_table("accuracy", ["strategy", "repeat"], "n_labeled")
    mine, theirs = curves.loc[row], curves.loc[other]
    both = mine.index.intersection(theirs.index)
    return 100 * (mine.loc[both] - theirs.loc[both])


def told(values):
    """Return mean and standard deviation."""
    return f"{values.mean():+.1f} ± {values.std(ddof=1):.1f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    tables = {path.stem: pd.read_csv(path) for path in sorted(folder.glob("*-*.csv"))}
    print("| claim | data, budgets | repeats | curve | first | middle | last |")
    print("|---|---|--:|--:|--:|--:|--:|")
    for claim, (row, other) in CLAIMS.items():
        for name, table in tables.items():
            if not {row, other} <= set(table["strategy"]):
                continue
            found = differences(table, row, other)
            area = np.trapezoid(found, found.columns, axis=1) / np.ptp(found.columns)
            columns = [found.iloc[:, i] for i in (0, found.shape[1] // 2, -1)]
            cells = [told(pd.Series(area)), *map(told, columns)]
            print(f"| {claim} | {name} | {len(found)} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
