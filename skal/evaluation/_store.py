"""A folder of finished runs: what was played once is not played again."""

import csv
import json
import os
from pathlib import Path
from urllib.parse import quote

import pandas as pd

from skal.evaluation._fingerprint import describe, describe_learner


class Busy:
    """Stands for a table that another process is working on."""


class RunFolder:
    """One CSV a finished run, and a file that says of which data and parameters.

    Files appear under their names when they are complete, and a run is played under a
    lock of its own, which the system takes back from a process that dies.

    Parameters
    ----------
    path : str or Path
        Made if it is not there.
    learners : dict of str to ActiveLearner
    known : dict
        What all runs have in common, by the name of the parameter.
    """

    def __init__(self, path, learners, known):
        self.path = Path(path).absolute()  # workers may be in another folder
        if self.path.exists() and not self.path.is_dir():
            raise ValueError(f"path {str(path)!r} is a file: name a folder.")
        self.settings = {name: describe(value, name) for name, value in known.items()}
        self.rows = {
            name: describe_learner(learner, name) for name, learner in learners.items()
        }

    def agree(self, seed, may_differ):
        """Take the folder for this comparison; return the seed that it goes by.

        A folder that holds runs of something else raises a ValueError with its name.
        """
        (self.path / ".locks").mkdir(parents=True, exist_ok=True)
        file = self.path / "settings.json"
        with self._lock("settings"):
            held = self._held(file)
            if held and may_differ:
                seed = held["settings"]["random_state"]
            settings = self.settings | {"random_state": seed}
            self._compare("", held.get("settings", settings), settings)
            rows = held.get("strategies", {})
            for name, row in self.rows.items():
                self._compare(f"strategies[{name!r}]: ", rows.get(name, row), row)
            held = {"settings": settings, "strategies": rows | self.rows}
            _write(file, json.dumps(held, indent=1))
        return seed

    def _held(self, file):
        """Read what the folder says it holds; nothing of a folder that is new."""
        try:
            return json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            runs = sorted(self.path.glob("*.csv"))
            if not runs:
                return {}
            problem = f"holds {runs[0].name}, and no {file.name} that says of what"
        except ValueError as error:
            problem = f"holds a {file.name} that cannot be read ({error})"
        raise ValueError(f"path {str(self.path)!r} {problem}: name another folder.")

    def _compare(self, where, old, new):
        differing = [k for k in (*old, *new) if old.get(k) != new.get(k)]
        if differing:
            name = differing[0]
            raise ValueError(
                f"path {str(self.path)!r} holds runs of other data or parameters: "
                f"{where}{name} was {old.get(name, 'not there')} and is "
                f"{new.get(name, 'not there')}. Name another folder."
            )

    def has(self, run):
        """Tell whether a run is finished."""
        return self._file(run).exists()

    def load(self, run):
        """Read the table of a finished run."""
        file = self._file(run)
        with file.open(newline="", encoding="utf-8") as lines:
            table = pd.DataFrame(list(csv.DictReader(lines)))
        if table.empty or set(table["strategy"]) != {run.strategy}:
            raise ValueError(
                f"{str(file)!r} is not the table of {run.strategy!r}, repeat "
                f"{run.repeat}: delete it to play the run again."
            )
        texts = ["strategy", "initial"]
        return table.assign(**{c: _numbers(table[c]) for c in table if c not in texts})

    def once(self, run, work, wait):
        """Return the table of a run, played unless it is there; Busy if it is played.

        With `wait`, wait for whoever plays it, and play it if they have died.
        """
        from filelock import Timeout

        try:
            with self._lock(self._file(run).stem, blocking=wait):
                if not self.has(run):
                    _write(self._file(run), work().to_csv(index=False))
        except Timeout:
            return Busy
        return self.load(run)

    def _file(self, run):
        return self.path / f"{quote(run.strategy, safe=' ')}-{run.repeat}.csv"

    def _lock(self, name, blocking=True):
        from filelock import FileLock

        return FileLock(self.path / ".locks" / f"{name}.lock", blocking=blocking)


def _numbers(texts):
    """Read numbers as they were written, to the last bit."""
    try:
        return [int(text) for text in texts]
    except ValueError:
        return [float(text or "nan") for text in texts]


def _write(file, text):
    """Write a file that is either there and whole, or not there."""
    unfinished = file.with_name(f"{file.name}.part")
    with unfinished.open("w", encoding="utf-8", newline="") as lines:
        lines.write(text)
        lines.flush()
        os.fsync(lines.fileno())
    unfinished.replace(file)
