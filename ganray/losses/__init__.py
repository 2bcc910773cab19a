"""What is minimised. A loss's name is its weight's key and its metric's name."""

from ganray.losses.adversarial import discriminator_loss, generator_loss
from ganray.losses.feature_matching import feature_matching
from ganray.losses.penalty import gradient_penalty
from ganray.losses.spectral import MelLoss, StftLoss

__all__ = ["MelLoss", "StftLoss", "discriminator_loss", "feature_matching", "generator_loss", "gradient_penalty"]
