"""The documentation's code runs, and its advice names what is there."""

import pathlib
import re

import pytest

from skal import strategies

DOCS = pathlib.Path(__file__).parent.parent / "docs"


@pytest.mark.parametrize("page", ["user_guide.md", "which_strategy_first.md"])
def test_every_block_runs(page, capsys):
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), flags=re.S)
    names = {}
    for block in blocks:
        exec(compile(block, page, "exec"), names)
    assert "Margin beats Random" in capsys.readouterr().out or page == "user_guide.md"
    assert names["learner"].cost_ > 15


def test_recommended_strategies_exist():
    text = (DOCS / "which_strategy_first.md").read_text()
    named = set(re.findall(r"`([A-Z][A-Za-z]+)[`(]", text)) - {"NeuralNetClassifier"}
    assert len(named) > 2
    assert named <= set(strategies.__all__)
