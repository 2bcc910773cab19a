"""Official weights in, and out again: HiFi-GAN's, BigVGAN's and Vocos's own files become voices, and HiFi-GAN's are
written, too. What is read is never executed.
"""

from ganray.voice.published.hifigan import export_hifigan
from ganray.voice.published.imported import KINDS, import_voice

__all__ = ["KINDS", "export_hifigan", "import_voice"]
