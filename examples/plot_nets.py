"""
Nets, and what they make of images
==================================

skal's nets are scikit-learn classifiers. Two of them learn from the same 200 labeled
digits: one by cross-entropy, one by supervised contrast, which SCAL asks for. Then a
third, with dropout, chooses its own labels by BALD.
"""

# %%
# Views
# -----
# Both train on views: each image of a batch is moved, turned, slanted and recolored by
# draws of its own.

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from skal import ActiveLearner
from skal.estimators import (
    ImageViews,
    MCDropoutClassifier,
    NetClassifier,
    SupConClassifier,
)
from skal.strategies import BALD

images, digits = load_digits().images / 16, load_digits().target
order = np.random.default_rng(0).permutation(len(images))
images, digits = images[order].astype(np.float32), digits[order]

torch.manual_seed(0)
views = ImageViews()
figure, axes = plt.subplots(3, 10, figsize=(9, 2.9), layout="constrained")
for row, batch in enumerate([images[:10], *(2 * [None])]):
    if batch is None:
        batch = views(torch.from_numpy(images[:10, None])).numpy()[:, 0]
    for ax, image in zip(axes[row], batch, strict=True):
        ax.imshow(image, cmap="gray", vmin=0, vmax=1)
        ax.set_axis_off()
figure.suptitle("Ten digits, and two views of each")
plt.show()

# %%
# Features
# --------
# ``transform`` gives what goes into the last layer; here its first two principal
# components. Contrast learns by comparing images of a class: with 20 of each it has few
# to compare, and cross-entropy is ahead.

figure, axes = plt.subplots(1, 2, figsize=(10, 5), layout="constrained")
for ax, kind in zip(axes, (NetClassifier, SupConClassifier), strict=True):
    net = kind(augmentation="auto", max_epochs=40, random_state=0)
    net.fit(images[:200], digits[:200])
    places = PCA(2).fit_transform(net.transform(images[200:]))
    points = ax.scatter(*places.T, c=digits[200:], cmap="tab10", s=8)
    accuracy = net.score(images[200:], digits[200:])
    ax.set(title=f"{kind.__name__}: {accuracy:.1%}", xticks=[], yticks=[])
figure.legend(*points.legend_elements(), title="digit", loc="outside right center")
plt.show()

# %%
# In a learner
# ------------
# A net is an estimator like any other: swap it in, search its parameters
# (``estimator__lr``, ``estimator__module__...``), pickle it.

learner = ActiveLearner(
    MCDropoutClassifier(max_epochs=30),
    BALD(n_draws=30),
    n_initial=50,
    query_size=25,
    n_rounds=4,
    scoring="accuracy",
    random_state=0,
).fit(images[:1200], digits[:1200], X_val=images[1200:], y_val=digits[1200:])
for row in learner.history_:
    print(f"{row['n_labeled']:4d} labels  accuracy {row['accuracy']:.3f}")
