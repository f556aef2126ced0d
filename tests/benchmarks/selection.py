"""Time skal's selection against its peers, side by side, and print a markdown table.

    python tests/benchmarks/selection.py --bench FOLDER --peer-python PYTHON

FOLDER holds ``gen.py`` (the data) and ``peers.py`` (the peers' public calls); PYTHON is
the interpreter of an environment with the peers. Each side works in a process of its
own, makes the same data from the same seed, and warms up with one run that gives its
memory and its picks; then the two take turns. Both go through their public calls, data
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


def mixture(n: int) -> Callable[[Any], Any]:
    return lambda gen: gen.make(n)


def big_proba(gen: Any) -> np.ndarray:
    return gen.big_proba()


def core_set(data: Any, query_size: int) -> Run:
    from skal.strategies import CoreSet

    X, m = data["X"], data["m"]
    y = np.where(np.arange(len(X)) < m, data["y"], -1)
    return lambda: CoreSet().fit(X, y, embedding=X).query(query_size) - m


def by_score(strategy: str, proba: np.ndarray, query_size: int) -> Run:
    import skal.strategies

    sampling = getattr(skal.strategies, strategy)
    y = np.full(len(proba), -1)
    return lambda: sampling(random_state=0).fit(proba, y, proba=proba).query(query_size)


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


def k_center(n: int) -> Task:
    return Task(
        name=f"k-center n={n // 1000}k b=1000",
        peer="k-center/scikit-activeml",
        data=mixture(n),
        query_size=1000,
        ours=core_set,
        objective=radius,
        gate=30,
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


TASKS = [
    k_center(10_000),
    k_center(50_000),
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
        self.runs.append(self._answer())

    def summary(self) -> dict[str, float]:
        self.process.communicate()
        seconds = median(run["seconds"] for run in self.runs)
        busy = median(run["cpu"] / run["seconds"] for run in self.runs)
        return {"seconds": seconds, "busy": busy, **self.first}

    def _answer(self) -> dict[str, float]:
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
    picks = positions(run())
    extra = (memory("VmHWM") - before) / 1024
    answer = {"extra_mb": extra, "objective": task.objective(data, picks)}
    print(json.dumps(answer), file=answers, flush=True)
    for _ in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        run()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        print(json.dumps({"seconds": wall, "cpu": cpu}), file=answers, flush=True)


def build(side: str, task: Task, data: Any) -> Run:
    if side == "ours":
        return task.ours(data, task.query_size)
    import peers

    return peers.PEERS[task.peer](data, task.query_size)


def positions(result: Any) -> np.ndarray:
    """The picks; modAL returns them together with their scores."""
    return np.asarray(result[0] if isinstance(result, tuple) else result)


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
    cells = [task.name, task.peer.split("/")[1], *pairs, f"{ratio:.1f}x", gate]
    return "| " + " | ".join(cells) + " |"


HEADER = """\
| task | peer | seconds: peer / skal | extra MB | CPU/wall | objective | ratio | gate |
|---|---|---|---|---|---|--:|---|"""


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
