"""What a discriminator hears, what a waveform hangs on, and a page about it for who did not write the model."""

from ganray.insight.explain import Explanation, explain

__all__ = ["Explanation", "explain"]
