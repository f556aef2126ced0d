"""Data sets: those in your own folder, read and never downloaded."""

from skal.datasets._load import load_images, load_texts

__all__ = ["load_images", "load_texts"]
