"""The penalty matrix: the numbers in the cells, and what cannot be tested."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from skal.metrics import penalty_matrix
from skal.plotting import PenaltyMatrixDisplay

NAMES = ["A", "B", "C"]
MATRIX = pd.DataFrame(
    [[0, 0.25, 1.0], [0.5, 0, 0.125], [0, 0, 0]], index=NAMES, columns=NAMES
)


def texts_of(display):
    return [
        ["" if text is None else text.get_text() for text in row]
        for row in display.texts_
    ]


def test_cells_and_means_over_the_others():
    display = PenaltyMatrixDisplay(MATRIX).plot()
    assert texts_of(display) == [
        ["", "0.25", "1.00"],
        ["0.50", "", "0.12"],
        ["0.00", "0.00", ""],
        ["0.25", "0.12", "0.56"],
    ]
    assert display.mean_.tolist() == [0.25, 0.125, 0.5625]
    rows = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert rows == ["A", "B", "C", "mean"]
    assert [label.get_text() for label in display.ax_.get_xticklabels()] == NAMES
    assert "the row beats the column" in display.ax_.get_xlabel()


def test_numbers_stand_on_their_cells_and_the_first_row_on_top():
    display = PenaltyMatrixDisplay(MATRIX).plot()
    values = display.meshes_[0].get_array().filled(np.nan)
    np.testing.assert_array_equal(np.isnan(values), np.eye(3, dtype=bool))
    assert display.texts_[0, 2].get_position() == (2, 0)
    assert values[0, 2] == 1
    bottom, top = display.ax_.get_ylim()
    assert bottom > top
    means = display.meshes_[1].get_array()
    np.testing.assert_array_equal(means.ravel(), display.mean_)
    y = display.texts_[3, 0].get_position()[1]
    assert y > 3  # apart from the last row, which is at 2
    low, high = display.meshes_[1].get_coordinates()[:, 0, 1]
    assert low < y < high


@pytest.mark.parametrize("cmap", ["Blues", "Greys"])
def test_numbers_read_on_their_cells(cmap):
    display = PenaltyMatrixDisplay(MATRIX).plot(cmap=cmap)
    assert display.texts_[0, 2].get_color() == "white"
    assert display.texts_[2, 0].get_color() == "black"


def test_a_table_is_tested(make_table):
    results = make_table(NAMES, n_repeats=5)
    results.loc[results["strategy"] == "A", "accuracy"] += 1
    display = PenaltyMatrixDisplay.from_results(results)
    pd.testing.assert_frame_equal(display.matrix, penalty_matrix(results))
    assert display.matrix.loc["A", "B"] == 1
    assert texts_of(display)[0] == ["", "1.00", "1.00"]
    assert display.mean_["A"] == 0


def test_a_score_is_chosen(make_table):
    results = make_table(NAMES).assign(f1=lambda table: -table["accuracy"])
    with pytest.raises(ValueError, match="score="):
        PenaltyMatrixDisplay.from_results(results)
    display = PenaltyMatrixDisplay.from_results(results, score="f1")
    expected = penalty_matrix(results, score="f1")
    pd.testing.assert_frame_equal(display.matrix, expected)


def test_one_repeat_has_dashes_and_a_note(make_table, given_ax):
    results = make_table(NAMES, n_repeats=1)
    display = PenaltyMatrixDisplay.from_results(results, ax=given_ax)
    assert set(np.ravel(texts_of(display))) == {"", "–"}  # noqa: RUF001
    assert display.mean_.isna().all()
    assert "one repeat: differences cannot be tested" in given_ax.get_xlabel()
    tested = PenaltyMatrixDisplay.from_results(make_table(NAMES))
    assert "cannot be tested" not in tested.ax_.get_xlabel()


@pytest.mark.parametrize("n_repeats", [1, 2])
def test_one_strategy(make_table, n_repeats):
    results = make_table(["alone"], n_repeats=n_repeats)
    display = PenaltyMatrixDisplay.from_results(results)
    assert texts_of(display) == [[""], ["–"]]  # noqa: RUF001
    assert "cannot be tested" not in display.ax_.get_xlabel()


def test_twelve_long_names_do_not_overlap(make_table, twelve):
    display = PenaltyMatrixDisplay.from_results(make_table(twelve, unequal=True))
    display.figure_.draw_without_rendering()
    numbers = [text for text in display.texts_.ravel() if text is not None]
    assert len(numbers) == 12 * 12
    cell = abs(np.diff(display.ax_.transData.transform([(0, 0), (1, 1)]), axis=0))[0]
    widest = max(text.get_window_extent().width for text in numbers)
    assert widest < cell[0]
    boxes = [label.get_window_extent() for label in display.ax_.get_yticklabels()]
    assert all(abs(a.y0 - b.y0) > a.height for a, b in pairwise(boxes))
    assert all(label.get_rotation() == 45 for label in display.ax_.get_xticklabels())
    canvas = display.figure_.bbox
    assert all(box.x0 >= canvas.x0 for box in boxes)


def test_text_kw():
    display = PenaltyMatrixDisplay(MATRIX).plot(text_kw={"fontsize": 5, "color": "red"})
    assert display.texts_[0, 1].get_fontsize() == 5
    assert display.texts_[0, 1].get_color() == "red"


@pytest.mark.parametrize(
    ("matrix", "error", "message"),
    [
        ([[0, 1], [0, 0]], TypeError, "matrix is a list"),
        (MATRIX.iloc[:2], ValueError, r"matrix has the rows \['A', 'B'\]"),
        (MATRIX[["B", "A", "C"]], ValueError, "same strategies on both sides"),
        (pd.DataFrame(), ValueError, "matrix has the rows"),
        (MATRIX * 2, ValueError, "matrix holds 2.0 for 'A' against 'C'"),
        (-MATRIX, ValueError, "matrix holds -0.25 for 'A' against 'B'"),
    ],
)
def test_bad_matrices_are_refused(matrix, error, message):
    with pytest.raises(error, match=message):
        PenaltyMatrixDisplay(matrix).plot()


def test_bad_tables_are_refused(make_table):
    with pytest.raises(TypeError, match="results is a dict"):
        PenaltyMatrixDisplay.from_results({})
    results = make_table(NAMES)
    lonely = results[(results["strategy"] != "B") | (results["repeat"] == 0)]
    with pytest.raises(ValueError, match="'A' and 'B' have in common"):
        PenaltyMatrixDisplay.from_results(lonely)
