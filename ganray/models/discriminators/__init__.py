"""Networks that judge waveforms."""
