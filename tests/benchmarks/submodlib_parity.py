"""Values of set functions beside those of submodlib, over the same kernels.

    python tests/benchmarks/submodlib_parity.py --peer-python PYTHON

PYTHON is an interpreter that has submodlib-py. Both get the same kernels, of numbers
that single precision holds: submodlib keeps no more. Prints a row for every function
and kernel: the largest relative difference of `evaluate` over 50 random sets, and that
of the value that naive greedy ends with. Picks are not compared: of equal gains
submodlib takes the highest position, `maximize` the lowest. Fails above 1e-5.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

N, N_QUERY, N_PRIVATE, PICKS, N_SETS, LIMIT = 60, 6, 5, 12, 50, 1e-5
CASES = {
    "FacilityLocation": [{}],
    "GraphCut": [{"lambda_": 0.5}, {"lambda_": 1.0}],
    "LogDeterminant": [{"lambda_": 1.0}, {"lambda_": 0.3}],
    "FLVMI": [{"eta": 1.0}, {"eta": 0.6}, {"eta": 2.0}],
    "FLQMI": [{"eta": 1.0}, {"eta": 0.1}],
    "GCMI": [{}],
    "LogDetMI": [{"lambda_": 1.0, "eta": 1.0}, {"lambda_": 2.0, "eta": 1.2}],
    "FLCG": [{"nu": 1.0}, {"nu": 0.5}],
    "GCCG": [{"lambda_": 0.5, "nu": 1.0}, {"lambda_": 0.4, "nu": 0.7}],
    "LogDetCG": [{"lambda_": 1.0, "nu": 1.0}, {"lambda_": 2.0, "nu": 0.7}],
    "FLCMI": [{"eta": 1.0, "nu": 1.0}, {"eta": 1.5, "nu": 0.5}],
    "LogDetCMI": [
        {"lambda_": 1.0, "eta": 1.0, "nu": 1.0},
        {"lambda_": 2.0, "eta": 0.8, "nu": 0.9},
    ],
}
PEER = """
import contextlib, json, os, sys
import numpy as np
import submodlib as S

folder = sys.argv[1]
K = dict(np.load(folder + "/kernels.npz"))
tasks = json.load(open(folder + "/tasks.json"))

def make(name, kernel, lambda_=1.0, eta=1.0, nu=1.0):
    UU, UQ, QQ, UP, PP, QP = (
        K[kernel + key] for key in ("UU", "UQ", "QQ", "UP", "PP", "QP")
    )
    n, q, p = len(UU), len(QQ), len(PP)
    Q = {"query_sijs": UQ}
    P = {"private_sijs": UP, "privacyHardness": nu}
    QQ, PP = {"query_query_sijs": QQ}, {"private_private_sijs": PP}
    QP, U = {"query_private_sijs": QP}, {"data_sijs": UU}
    E = {"magnificationEta": eta}
    return {
        "FacilityLocation": lambda: S.FacilityLocationFunction(
            n, mode="dense", sijs=UU, separate_rep=False
        ),
        "GraphCut": lambda: S.GraphCutFunction(
            n, mode="dense", lambdaVal=lambda_, ggsijs=UU, separate_rep=False
        ),
        "LogDeterminant": lambda: S.LogDeterminantFunction(
            n, mode="dense", lambdaVal=lambda_, sijs=UU
        ),
        "FLVMI": lambda: S.FacilityLocationMutualInformationFunction(
            n, q, **U, **Q, **E
        ),
        "FLQMI": lambda: S.FacilityLocationVariantMutualInformationFunction(
            n, q, **Q, queryDiversityEta=eta
        ),
        "GCMI": lambda: S.GraphCutMutualInformationFunction(n, q, **Q),
        "LogDetMI": lambda: S.LogDeterminantMutualInformationFunction(
            n, q, lambda_, **U, **Q, **QQ, **E
        ),
        "FLCG": lambda: S.FacilityLocationConditionalGainFunction(n, p, **U, **P),
        "GCCG": lambda: S.GraphCutConditionalGainFunction(n, p, lambda_, **U, **P),
        "LogDetCG": lambda: S.LogDeterminantConditionalGainFunction(
            n, p, lambda_, **U, **P, **PP
        ),
        "FLCMI": lambda: S.FacilityLocationConditionalMutualInformationFunction(
            n, q, p, **U, **Q, **P, **E
        ),
        "LogDetCMI": lambda: S.LogDeterminantConditionalMutualInformationFunction(
            n, q, p, lambda_, **U, **Q, **QQ, **P, **PP, **QP, **E
        ),
    }[name]()

answers = []
for name, kernel, params in tasks["functions"]:
    f = make(name, kernel, **params)
    values = [f.evaluate(set(s)) for s in tasks["sets"]]
    chosen = f.maximize(budget=tasks["picks"], optimizer="NaiveGreedy",
                        stopIfZeroGain=False, stopIfNegativeGain=False,
                        show_progress=False)
    greedy = f.evaluate({j for j, _ in chosen})
    answers.append([values, greedy])
json.dump(answers, open(folder + "/answers.json", "w"))
"""


def kernels(rng):
    """Cosines, some negative, times lengths that differ: and none negative."""
    points = [rng.normal(size=(n, 8)) + 0.5 for n in (N, N_QUERY, N_PRIVATE)]
    lengths = [rng.uniform(0.8, 1, size=(len(x), 1)) for x in points]
    U, Q, P = (
        x * length / np.linalg.norm(x, axis=1, keepdims=True)
        for x, length in zip(points, lengths, strict=True)
    )
    pairs = {"UU": (U, U), "UQ": (U, Q), "QQ": (Q, Q), "UP": (U, P), "PP": (P, P)}
    signed = {k: a @ b.T for k, (a, b) in (pairs | {"QP": (Q, P)}).items()}
    positive = {k: (1 + kernel) / 2 for k, kernel in signed.items()}
    return {
        name: {k: kernel.astype("f4").astype("f8") for k, kernel in group.items()}
        for name, group in (("signed", signed), ("positive", positive))
    }


def ask_peer(python, given, tasks):
    """Let submodlib value the same sets in a process of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        arrays = {
            k + name: v for k, group in given.items() for name, v in group.items()
        }
        np.savez(folder / "kernels.npz", **arrays)
        (folder / "tasks.json").write_text(json.dumps(tasks))
        subprocess.run([python, "-c", PEER, name], check=True)
        return json.loads((folder / "answers.json").read_text())


def difference(ours, theirs):
    """Largest difference relative to the larger of the two, and to 1e-3 at least."""
    ours, theirs = np.atleast_1d(ours), np.atleast_1d(theirs)
    scale = np.maximum(np.maximum(np.abs(ours), np.abs(theirs)), 1e-3)
    return float((np.abs(ours - theirs) / scale).max())


def main(python):
    from skal import submodular

    rng = np.random.default_rng(0)
    given = kernels(rng)
    sets = [
        rng.choice(N, rng.integers(1, PICKS + 1), replace=False).tolist()
        for _ in range(N_SETS)
    ]
    functions = [
        [name, kernel, params]
        for kernel in given
        for name, variants in CASES.items()
        for params in variants
    ]
    tasks = {"functions": functions, "sets": sets, "picks": PICKS}
    answers = ask_peer(python, given, tasks)
    differences = []
    print("kernel,function,parameters,evaluate,greedy")
    for (name, kernel, params), (values, greedy) in zip(
        functions, answers, strict=True
    ):
        similarity = submodular.Similarity.from_matrix(**given[kernel])
        f = getattr(submodular, name)(similarity, **params)
        picks, _ = submodular.maximize(f, PICKS, optimizer="naive")
        of_sets = difference([f.evaluate(s) for s in sets], values)
        of_greedy = difference(f.evaluate(picks), greedy)
        differences += [of_sets, of_greedy]
        text = " ".join(f"{key}={value}" for key, value in params.items())
        print(f"{kernel},{name},{text},{of_sets:.1e},{of_greedy:.1e}")
    worst = np.max(differences)
    print(f"largest difference {worst:.1e}, limit {LIMIT:.0e}")
    return worst <= LIMIT  # not where it is NaN


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-python", required=True)
    sys.exit(0 if main(parser.parse_args().peer_python) else 1)
