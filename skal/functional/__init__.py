"""The formulas and kernels behind the strategies: arrays in, arrays out.

Nothing here knows an estimator, a label or a pool. Input is taken as checked, is never
modified, and every random choice takes a `numpy.random.Generator`.
"""

from .active_ft import active_ft, active_ft_loss
from .allocation import balanced_top, largest_remainder, partition_sizes
from .clusters import nearest_to_centers
from .committee import batch_bald, mutual_information
from .cover import prob_cover, purity_radius
from .d2_sampling import d2_sampling
from .density import class_gaussians, gaussian_log_density
from .distances import distance_to_nearest
from .divergence import hit_divergence, neighbor_divergence
from .fisher import fisher_matches
from .gradients import glister_greedy, gradient_norm
from .inside_out import inside_out_order
from .k_center import k_center_greedy
from .kmeans import k_means
from .nearest import nearest_rows
from .pretext import pretext_score
from .ranking import round_to_grid, top
from .reconstruction import class_subspaces, reconstruction_error
from .similarity import class_similarity
from .standardized import standardized_products
from .sub_pools import cluster_distance_difference, sub_pool
from .typical import most_typical, typicality
from .uncertainty import (
    entropy,
    least_confidence,
    margin,
    normalized_least_confidence,
)

__all__ = [
    "active_ft",
    "active_ft_loss",
    "balanced_top",
    "batch_bald",
    "class_gaussians",
    "class_similarity",
    "class_subspaces",
    "cluster_distance_difference",
    "d2_sampling",
    "distance_to_nearest",
    "entropy",
    "fisher_matches",
    "gaussian_log_density",
    "glister_greedy",
    "gradient_norm",
    "hit_divergence",
    "inside_out_order",
    "k_center_greedy",
    "k_means",
    "largest_remainder",
    "least_confidence",
    "margin",
    "most_typical",
    "mutual_information",
    "nearest_rows",
    "nearest_to_centers",
    "neighbor_divergence",
    "normalized_least_confidence",
    "partition_sizes",
    "pretext_score",
    "prob_cover",
    "purity_radius",
    "reconstruction_error",
    "round_to_grid",
    "standardized_products",
    "sub_pool",
    "top",
    "typicality",
]
