"""Data sets: those in your own folder, read and never downloaded, and pools of them."""

from skal.datasets._corruptions import corrupt
from skal.datasets._load import load_images, load_texts
from skal.datasets._mixed import make_mixed_pool
from skal.datasets._pools import (
    make_imbalanced_pool,
    make_ood_pool,
    make_redundant_pool,
)

__all__ = [
    "corrupt",
    "load_images",
    "load_texts",
    "make_imbalanced_pool",
    "make_mixed_pool",
    "make_ood_pool",
    "make_redundant_pool",
]
