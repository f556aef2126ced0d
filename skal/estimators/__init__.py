"""Neural estimators: skorch nets that behave as scikit-learn's estimators do."""

from skal.estimators._backbones import lenet, mlp, resnet18, small_cnn, vgg16
from skal.estimators._classifier import NetClassifier
from skal.estimators._contrastive_pool import ContrastivePoolClassifier
from skal.estimators._dropout import MCDropoutClassifier
from skal.estimators._loss_prediction import LossPredictionClassifier
from skal.estimators._losses import loss_prediction_loss, nt_xent_loss, supcon_loss
from skal.estimators._rotation import RotationPretext
from skal.estimators._supcon import SupConClassifier
from skal.estimators._views import FeatureNoise, ImageViews

__all__ = [
    "ContrastivePoolClassifier",
    "FeatureNoise",
    "ImageViews",
    "LossPredictionClassifier",
    "MCDropoutClassifier",
    "NetClassifier",
    "RotationPretext",
    "SupConClassifier",
    "lenet",
    "loss_prediction_loss",
    "mlp",
    "nt_xent_loss",
    "resnet18",
    "small_cnn",
    "supcon_loss",
    "vgg16",
]
