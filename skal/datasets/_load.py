"""Read data sets from a folder of yours; nothing is ever downloaded."""

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

_IMAGES, _TEXTS = ".npz", ".csv.gz"


def load_images(name: str, *, folder: str | os.PathLike | None = None) -> Bunch:
    """Load the arrays of ``<name>.npz`` from the data folder.

    The whole file is decoded into memory, each array once. It is the wrong tool for
    data larger than memory: keep those as ``.npy`` and open them with
    ``numpy.load(..., mmap_mode="r")``.

    Parameters
    ----------
    name : str
        Name of the data set: the file's, without ``.npz``.
    folder : str or path, default=None
        The data folder; by default the environment variable ``SKAL_DATA`` names it.

    Returns
    -------
    data : Bunch
        An attribute for each array of the file, by the name it has there. By
        convention ``X_train`` and ``X_test`` of shape (n_samples, height, width) or
        (n_samples, height, width, channels), uint8 from 0 to 255; ``y_train`` and
        ``y_test`` of shape (n_samples,), int from 0; ``class_names`` of shape
        (n_classes,), str.

    Raises
    ------
    FileNotFoundError
        If no folder is named, it is not there, or it does not hold the data set.
    ValueError
        If the file holds pickled objects: they could run code and are not read.

    References
    ----------
    .. [1] NumPy, `The NPY format
       <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>`_.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from skal.datasets import load_images
    >>> images = np.zeros((3, 8, 8), dtype=np.uint8)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(f"{folder}/dots.npz", X_train=images, y_train=[0, 1, 1])
    ...     dots = load_images("dots", folder=folder)
    >>> dots.X_train.shape, dots.y_train.tolist()
    ((3, 8, 8), [0, 1, 1])
    """
    root = _data_folder(folder)
    names = {_stem(path, _IMAGES) for path in root.glob(f"*{_IMAGES}")}
    _check_name(name, names, root, _IMAGES)
    with np.load(root / f"{name}{_IMAGES}", allow_pickle=False) as arrays:
        return Bunch(**{key: arrays[key] for key in arrays.files})


def load_texts(name: str, *, folder: str | os.PathLike | None = None) -> Bunch:
    r"""Load the texts and labels of ``<name>_<part>.csv.gz`` from the data folder.

    Every part that is there is read (train, dev, test ...), whole, into memory; texts
    stay as they are, "NA" and "null" included. It is the wrong tool for data larger
    than memory.

    Parameters
    ----------
    name : str
        Name of the data set: the files', without ``_<part>.csv.gz``.
    folder : str or path, default=None
        The data folder; by default the environment variable ``SKAL_DATA`` names it.

    Returns
    -------
    data : Bunch
        For each part, ``X_<part>``, a list of str, and ``y_<part>``, an int array of
        shape (n_samples,).

    Raises
    ------
    FileNotFoundError
        If no folder is named, it is not there, or it does not hold the data set.
    ValueError
        If a file lacks the columns ``text`` and ``label``, or a label is no integer.

    References
    ----------
    .. [1] Y. Shafranovich (2005). Common Format and MIME Type for Comma-Separated
       Values (CSV) Files. RFC 4180.

    Examples
    --------
    >>> import gzip, tempfile
    >>> from skal.datasets import load_texts
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with gzip.open(f"{folder}/films_train.csv.gz", "wt") as file:
    ...         _ = file.write("text,label\na joy,1\n")
    ...     films = load_texts("films", folder=folder)
    >>> films.X_train, films.y_train.tolist()
    (['a joy'], [1])
    """
    root = _data_folder(folder)
    parts: dict[str, dict[str, Path]] = {}
    for path in sorted(root.glob(f"*_*{_TEXTS}")):
        data_set, _, part = _stem(path, _TEXTS).rpartition("_")
        parts.setdefault(data_set, {})[part] = path
    _check_name(name, parts, root, f"_<part>{_TEXTS}")
    data = Bunch()
    for part, path in parts[name].items():
        data[f"X_{part}"], data[f"y_{part}"] = _read_texts(path)
    return data


def _read_texts(path: Path) -> tuple[list[str], np.ndarray]:
    """Return the texts and the int labels (n_samples,) of one file."""
    import pandas as pd

    frame = pd.read_csv(path, keep_default_na=False, dtype={"text": str})
    absent = [column for column in ("text", "label") if column not in frame]
    if absent:
        raise ValueError(
            f"{path} has no column {' and no column '.join(absent)}, only "
            f"{', '.join(map(str, frame))}; it needs text and label."
        )
    labels = frame["label"].to_numpy()
    if labels.dtype.kind not in "iu":
        raise ValueError(f"{path} has labels that are no integers; number the classes.")
    return frame["text"].tolist(), labels.astype(np.int64)


def _data_folder(folder: str | os.PathLike | None) -> Path:
    """Return the folder asked for, or the one that SKAL_DATA names."""
    named = folder if folder is not None else os.environ.get("SKAL_DATA")
    if not named:
        raise FileNotFoundError(
            "No data folder is named: set the environment variable SKAL_DATA to the "
            "folder of your data sets (export SKAL_DATA=path/to/data), or pass folder=."
        )
    root = Path(named).expanduser()
    if not root.is_dir():
        source = "SKAL_DATA" if folder is None else "folder"
        raise FileNotFoundError(f"The data folder {root} ({source}) is not there.")
    return root


def _stem(path: Path, suffix: str) -> str:
    """Return the file's name without the suffix."""
    return path.name.removesuffix(suffix)


def _check_name(name: str, names: Iterable[str], root: Path, suffix: str) -> None:
    """Refuse a data set that is not in the folder, and say which ones are."""
    if name not in names:
        present = ", ".join(sorted(names)) or "none"
        raise FileNotFoundError(f"{root} has no {name}{suffix}; it has: {present}.")
