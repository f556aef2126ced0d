"""Time skal's selection against its peers, side by side, and print a markdown table.

    python tests/benchmarks/selection.py --bench FOLDER --peer-python PYTHON

FOLDER holds ``gen.py`` (the data) and ``peers.py`` (the peers' public calls); PYTHON is
the interpreter of an environment with the peers. Each side works in a process of its
own, makes the same data from the same seed, and warms up with one run that gives its
memory and its picks; then the two take turns, of as many runs as half a second takes,
one at least. Both go through their public calls, data
checks inside the clock. Needs Linux: memory is read from ``/proc``.

A later task is one more entry in `TASKS`.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

TURN = 0.5  # seconds; after idling the first of short runs wakes threads and memory
SLOWED_BY = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")

Run = Callable[[], np.ndarray]


@dataclass(frozen=True)
class Task:
    """One comparison: what to choose from, who chooses, and how good the choice is."""

    name: str
    peer: str
    data: Callable[[Any], Any]
    query_size: int
    ours: Callable[[Any, int], Run]
    objective: Callable[[Any, np.ndarray], float]
    gate: float
    floor: float | None = None


def mixture(n: int, **options: Any) -> Callable[[Any], Any]:
    return lambda gen: gen.make(n, **options)


def with_draws(n: int) -> Callable[[Any], Any]:
    def make(gen: Any) -> Any:
        data = gen.make(n)
        return data | {"draws": gen.draws(data)}

    return make


def big_proba(gen: Any) -> np.ndarray:
    return gen.big_proba()


def by_score(strategy: str, proba: np.ndarray, query_size: int) -> Run:
    import skal.strategies

    sampling = getattr(skal.strategies, strategy)
    y = np.full(len(proba), -1)
    return lambda: sampling(random_state=0).fit(proba, y, proba=proba).query(query_size)


def from_arrays(strategy: str, data: Any, query_size: int, **params: Any) -> Run:
    """A strategy over given features and probabilities, labeled rows first."""
    import skal.strategies

    sampling, X, m = getattr(skal.strategies, strategy), data["X"], data["m"]
    y = np.where(np.arange(len(X)) < m, data["y"], -1)
    says = {"proba": data["P"], "embedding": X}
    strategy_ = sampling(random_state=0, **params)
    return lambda: strategy_.fit(X, y, **says).query(query_size) - m


class Committee:
    """A fitted model whose stochastic passes are given."""

    def __init__(self, draws: np.ndarray) -> None:
        self.draws = draws
        self.classes_ = np.arange(draws.shape[2])


def from_draws(strategy: str, data: Any, query_size: int) -> Run:
    import skal.strategies
    from skal.readout import read_rows

    @read_rows.register(Committee)
    def _(model: Committee, X: Any, what: Any, **_options: Any) -> Any:
        start = int(X[0, 0])
        return {"proba_draws": model.draws[:, start : start + len(X)]}

    rows = np.arange(data["draws"].shape[1], dtype=float)[:, None]
    sampling, y = getattr(skal.strategies, strategy), np.full(len(rows), -1)
    strategy_, model = sampling(n_draws=50, random_state=0), Committee(data["draws"])
    return lambda: strategy_.fit(rows, y, estimator=model).query(query_size)


def radius(data: Any, picks: np.ndarray) -> float:
    """Largest distance from a row to its nearest center, labeled or picked."""
    X = (data["X"] - data["X"].mean(axis=0)).astype("f8")
    centers = np.concatenate([X[: data["m"]], X[data["m"] + picks]])
    norms = (centers**2).sum(axis=1)
    farthest = 0.0
    for start in range(0, len(X), 2000):
        rows = X[start : start + 2000]
        nearest = (norms - 2 * rows @ centers.T).min(axis=1) + (rows**2).sum(axis=1)
        farthest = max(farthest, float(nearest.max()))
    return farthest**0.5


def total_entropy(proba: np.ndarray, picks: np.ndarray) -> float:
    chosen = proba[picks].astype("f8")
    return float(-(chosen * np.log(chosen)).sum())


def total_margin(proba: np.ndarray, picks: np.ndarray) -> float:
    ordered = np.sort(proba[picks].astype("f8"), axis=1)
    return float((ordered[:, -1] - ordered[:, -2]).sum())


def gradient_potential(data: Any, picks: np.ndarray) -> float:
    """Mean squared distance of a gradient to the nearest picked one."""
    m = data["m"]
    H, P = data["X"][m:].astype("f8"), data["P"][m:].astype("f8")
    a = P - np.eye(P.shape[1])[P.argmax(axis=1)]
    norms = (a**2).sum(axis=1) * (H**2).sum(axis=1)
    nearest = np.full(len(H), np.inf)
    for pick in picks:
        inner = (a @ a[pick]) * (H @ H[pick])
        nearest = np.minimum(nearest, norms + norms[pick] - 2 * inner)
    return float(nearest.mean())


def contrast(data: Any, picks: np.ndarray) -> float:
    """Mean divergence of the picks from their ten nearest labeled rows."""
    m = data["m"]
    X = data["X"].astype("f8")
    P = data["P"].astype("f8").clip(1e-12)
    total = 0.0
    for row in picks + m:
        near = np.argsort(((X[:m] - X[row]) ** 2).sum(axis=1), kind="stable")[:10]
        total += (P[near] * np.log(P[near] / P[row])).sum(axis=1).mean()
    return total / len(picks)


def distance_to_picks(data: Any, picks: np.ndarray) -> float:
    """Mean distance of a row of the pool to the nearest pick."""
    X = data["X"][data["m"] :].astype("f8")
    squared = (X**2).sum(axis=1)[:, None] - 2 * X @ X[picks].T
    return float(np.sqrt((squared + (X[picks] ** 2).sum(axis=1)).min(axis=1)).mean())


def unit_distance_to_centers(data: Any, picks: np.ndarray) -> float:
    """Mean distance of a row of the pool to the nearest center, at unit length."""
    X, m = data["X"].astype("f8"), data["m"]
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    centers = np.concatenate([X[:m], X[m:][picks]])
    cosines = (X[m:] @ centers.T).max(axis=1)
    return float(np.sqrt(np.maximum(2 - 2 * cosines, 0)).mean())


def disagreement(data: Any, picks: np.ndarray) -> float:
    """Sum of the mutual information of each pick with the model."""
    draws = data["draws"][:, picks].astype("f8").clip(1e-30)
    mean = draws.mean(axis=0)
    of_mean = -(mean * np.log(mean)).sum(axis=1)
    return float((of_mean + (draws * np.log(draws)).sum(axis=2).mean(axis=0)).sum())


def joint_disagreement(data: Any, picks: np.ndarray) -> float:
    """Mutual information of the first four picks together with the model."""
    draws = data["draws"][:, picks[:4]].astype("f8").clip(1e-30)
    joint = draws[:, 0]
    for number in range(1, draws.shape[1]):
        joint = (joint[:, :, None] * draws[:, number, None]).reshape(len(joint), -1)
    mean = joint.mean(axis=0)
    apart = (draws * np.log(draws)).sum(axis=(1, 2)).mean()
    return float(-(mean * np.log(mean)).sum() + apart)


def similarity_of_picks(data: Any, picks: np.ndarray) -> float:
    """Mean largest cosine of the picks with labeled rows of their predicted class."""
    m = data["m"]
    X = data["X"].astype("f8")
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    predicted = data["P"].argmax(axis=1)
    best = [
        (X[:m][data["y"][:m] == predicted[row]] @ X[row]).max() for row in picks + m
    ]
    return float(np.mean(best))


def lowest_similarity(data: Any, scores: np.ndarray) -> np.ndarray:
    """Picks of the peer that returns all cosines, as SCAL chooses without balance."""
    predicted = data["P"][data["m"] :].argmax(axis=1)
    return np.argsort(scores[np.arange(len(scores)), predicted], kind="stable")[:1000]


def k_center(n: int) -> Task:
    return Task(
        name=f"k-center n={n // 1000}k b=1000",
        peer="k-center/scikit-activeml",
        data=mixture(n),
        query_size=1000,
        ours=partial(from_arrays, "CoreSet"),
        objective=radius,
        gate=30,
        floor={10_000: 0.045, 50_000: 0.223}[n],
    )


def uncertainty(peer: str, strategy: str, objective: Any, gate: float) -> Task:
    return Task(
        name=f"{peer.split('/')[0]} top 100 of 1M",
        peer=peer,
        data=big_proba,
        query_size=100,
        ours=partial(by_score, strategy),
        objective=objective,
        gate=gate,
    )


def badge(n: int, n_classes: int, size: int, gates: dict[str, float]) -> list[Task]:
    return [
        Task(
            name=f"BADGE n={n // 1000}k C={n_classes} b={size}",
            peer=f"badge/{peer}",
            data=mixture(n, C=n_classes),
            query_size=size,
            ours=partial(from_arrays, "BADGE"),
            objective=gradient_potential,
            gate=gate,
            floor=0.0023 * n / 10_000,
        )
        for peer, gate in gates.items()
    ]


NORMALIZED = {"CAL": False, "ProbCover": True}  # as the peers have it


def other(
    name: str, peer: str, strategy: str, data: Any, size: int, **rest: Any
) -> Task:
    ours = from_draws if "BALD" in strategy else from_arrays
    if strategy in NORMALIZED:
        ours = partial(ours, normalize=NORMALIZED[strategy])
    return Task(name, peer, data, size, ours=partial(ours, strategy), **rest)


def pool_and_sets(data: Any) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The pool, and the peers' query and private sets: labeled rows of two classes."""
    X, y, m = data["X"], data["y"], data["m"]
    sets = {"query": 0, "private": 1}
    return X[m:], {name: X[:m][y[:m] == label][:50] for name, label in sets.items()}


def maximum(name: str, data: Any, query_size: int) -> Run:
    """The cosines are made inside the clock, from features."""
    from skal import submodular

    pool, sets = pool_and_sets(data)
    kind = getattr(submodular, name)
    used = {key: rows for key, rows in sets.items() if key[0].upper() in kind.needs}

    def run() -> np.ndarray:
        similarity = submodular.Similarity.from_features(pool, **used)
        return submodular.maximize(kind(similarity), query_size)[0]

    return run


def value(name: str, data: Any, picks: np.ndarray) -> float:
    """The value of a set by the function's formula, in double precision."""
    tables = pool_and_sets(data)
    pool, query, private = (
        rows.astype("f8") / np.linalg.norm(rows.astype("f8"), axis=1, keepdims=True)
        for rows in (tables[0], *tables[1].values())
    )
    members = pool[picks]
    to_query, eye = members @ query.T, np.eye(len(picks))
    served = np.maximum((pool @ members.T).max(axis=1), 0)
    gram = members @ members.T + eye
    if name == "LogDetMI":
        inner = np.linalg.inv(query @ query.T + np.eye(len(query)))
        left = gram - to_query @ inner @ to_query.T
        return np.linalg.slogdet(gram)[1] - np.linalg.slogdet(left)[1]
    values = {
        "FacilityLocation": lambda: served,
        "FLCG": lambda: np.maximum(served - (pool @ private.T).max(1).clip(0), 0),
        "FLQMI": lambda: np.r_[to_query.max(axis=0), to_query.max(axis=1)].clip(0),
        "GCMI": lambda: to_query,
        "LogDeterminant": lambda: np.linalg.slogdet(gram)[1],
    }
    return float(np.sum(values[name]()))


def submodular(
    name: str, n: int, size: int, floor: float, shipped: float | None, given: float
) -> list[Task]:
    """Against submodlib that makes its own kernel, and that is handed one."""
    peer = {"FacilityLocation": "fl", "LogDeterminant": "logdet"}.get(name, name)
    gates = {"as-shipped": shipped, "kernel-given": given}
    return [
        Task(
            name=f"{name} n={n // 1000}k b={size}",
            peer=f"{peer.lower()}/submodlib-{how}",
            data=mixture(n),
            query_size=size,
            ours=partial(maximum, name),
            objective=partial(value, name),
            gate=gate,
            floor=floor,
        )
        for how, gate in gates.items()
        if gate is not None
    ]


REFERENCE, ACTIVEML = "reference", "scikit-activeml"
DRAWS, MANY_LABELS = with_draws(10_000), {"m": 10_000}
FEW = mixture(10_000, m=400)
TASKS = [
    k_center(10_000),
    k_center(50_000),
    *badge(10_000, 10, 100, {REFERENCE: 2, ACTIVEML: 300}),
    *badge(10_000, 10, 1000, {REFERENCE: 3, ACTIVEML: 500}),
    *badge(10_000, 100, 100, {REFERENCE: 2, ACTIVEML: 2000}),
    *badge(50_000, 10, 100, {REFERENCE: 3, ACTIVEML: 400}),
    *[
        other(
            f"CAL n={n // 1000}k b=100",
            f"cal/{ACTIVEML}",
            "CAL",
            mixture(n),
            100,
            objective=contrast,
            gate=gate,
            floor=floor,
        )
        for n, gate, floor in [(10_000, 1.3, 0.022), (50_000, 1.5, 0.111)]
    ],
    *[
        other(
            f"SCAL n={n // 1000}k m=10k b=1000",
            "scal/scikit-learn",
            "SCAL",
            mixture(n, **MANY_LABELS),
            1000,
            objective=similarity_of_picks,
            gate=1,
            floor=floor,
        )
        for n, floor in [(10_000, 0.22), (50_000, 1.11)]
    ],
    other(
        "TypiClust n=10k m=400 b=100",
        f"typiclust/{ACTIVEML}",
        "TypiClust",
        FEW,
        100,
        objective=distance_to_picks,
        gate=5,
        floor=0.05,
    ),
    other(
        "ProbCover n=10k b=100",
        f"probcover/{ACTIVEML}",
        "ProbCover",
        mixture(10_000),
        100,
        objective=unit_distance_to_centers,
        gate=3.5,
        floor=0.27,
    ),
    *[
        other(
            "BALD n=10k T=50 b=100",
            f"bald/{peer}",
            "BALD",
            DRAWS,
            100,
            objective=disagreement,
            gate=1.5,
            floor=0.001,
        )
        for peer in ("small-text", "baal")
    ],
    *[
        other(
            "BatchBALD n=10k T=50 b=10",
            f"batchbald/{peer}",
            "BatchBALD",
            DRAWS,
            10,
            objective=joint_disagreement,
            gate=60,
            floor=0.016,
        )
        for peer in ("baal", ACTIVEML)
    ],
    *submodular("FacilityLocation", 5000, 100, 0.056, shipped=40, given=6),
    *submodular("FacilityLocation", 10_000, 100, 0.22, shipped=40, given=6),
    *submodular("FLQMI", 50_000, 100, 0.006, shipped=25, given=2),
    *submodular("GCMI", 50_000, 100, 0.0014, shipped=300, given=25),
    *submodular("FLCG", 5000, 100, 0.056, shipped=120, given=10),
    *submodular("LogDeterminant", 5000, 100, 0.001, shipped=800, given=40),
    *submodular("LogDeterminant", 5000, 500, 0.011, shipped=None, given=18),
    *submodular("LogDetMI", 5000, 100, 0.0015, shipped=250, given=25),
    uncertainty("entropy/numpy", "EntropySampling", total_entropy, gate=2),
    uncertainty("entropy/modAL", "EntropySampling", total_entropy, gate=5),
    uncertainty("margin/modAL", "MarginSampling", total_margin, gate=4),
]


class Worker:
    """One side of a task in its own process; a line in asks, a line of JSON answers."""

    def __init__(self, side: str, python: str, options: Any, task: int) -> None:
        command = [python, __file__, "--bench", options.bench, "--peer-python", python]
        command += ["--worker", side, str(task)]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={k: v for k, v in os.environ.items() if k not in SLOWED_BY},
        )
        self.first = self._answer()
        self.runs: list[dict[str, float]] = []

    def run(self) -> None:
        print("run", file=self.process.stdin, flush=True)
        self.runs += self._answer()

    def summary(self) -> dict[str, float]:
        self.process.communicate()
        seconds = median(run["seconds"] for run in self.runs)
        busy = median(run["cpu"] / run["seconds"] for run in self.runs)
        return {"seconds": seconds, "busy": busy, **self.first}

    def _answer(self) -> Any:
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("A worker ended early; its error is above.")
        return json.loads(line)


def work(bench: str, side: str, task: Task) -> None:
    """What a worker does: warm up, report, then run whenever a line comes in."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    sys.path.insert(0, bench)
    import gen

    data = task.data(gen)
    run = build(side, task, data)
    before = reset_peak()
    picks = positions(run(), task, data)
    extra = (memory("VmHWM") - before) / 1024
    answer = {"extra_mb": extra, "objective": task.objective(data, picks)}
    print(json.dumps(answer), file=answers, flush=True)
    for _ in sys.stdin:
        runs = []
        while sum(taken["seconds"] for taken in runs) < TURN:
            wall, cpu = time.perf_counter(), time.process_time()
            run()
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            runs.append({"seconds": wall, "cpu": cpu})
        print(json.dumps(runs), file=answers, flush=True)


def build(side: str, task: Task, data: Any) -> Run:
    if side == "ours":
        return task.ours(data, task.query_size)
    import peers

    return peers.PEERS[task.peer](data, task.query_size)


def positions(result: Any, task: Task, data: Any) -> np.ndarray:
    """The picks; modAL returns them with their scores, scikit-learn cosines alone."""
    picks = np.asarray(result[0] if isinstance(result, tuple) else result)
    return lowest_similarity(data, picks) if picks.ndim == 2 else picks


def reset_peak() -> int:
    Path("/proc/self/clear_refs").write_text("5")
    return memory("VmRSS")


def memory(field: str) -> int:
    """A field of the process status, in KiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))


def compare(task: int, options: Any) -> str:
    """Run one task on both sides in turn; a row of the table."""
    peer = Worker("peer", options.peer_python, options, task)
    ours = Worker("ours", sys.executable, options, task)
    for _ in range(options.repeats):
        peer.run()
        ours.run()
    return row(TASKS[task], peer.summary(), ours.summary())


COLUMNS = {"seconds": ".4f", "extra_mb": ".0f", "busy": ".2f", "objective": ".6g"}


def row(task: Task, peer: dict[str, float], ours: dict[str, float]) -> str:
    ratio = peer["seconds"] / ours["seconds"]
    verdict = "holds" if ratio >= task.gate else "MISSED"
    pairs = [
        f"{peer[key]:{form}} / {ours[key]:{form}}" for key, form in COLUMNS.items()
    ]
    gate = f"{task.gate:g}x {verdict}"
    floor = "" if task.floor is None else f"{task.floor:.3g}"
    cells = [task.name, task.peer.split("/")[1], *pairs, floor, f"{ratio:.1f}x", gate]
    return "| " + " | ".join(cells) + " |"


HEADER = """\
| task | peer | seconds: peer / skal | extra MB | CPU/wall | objective | floor | ratio \
| gate |
|---|---|---|---|---|---|--:|--:|---|"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bench", required=True, help="folder of gen.py and peers.py")
    parser.add_argument(
        "--peer-python", required=True, help="interpreter that has the peers"
    )
    parser.add_argument("--tasks", nargs="*", default=[""], help="parts of their names")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        side, task = options.worker
        work(options.bench, side, TASKS[int(task)])
        return
    print(HEADER)
    for number, task in enumerate(TASKS):
        label = f"{task.name} {task.peer}"
        if any(part in label for part in options.tasks):
            print(compare(number, options), flush=True)


if __name__ == "__main__":
    main()
