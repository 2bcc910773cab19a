"""Networks that make waveforms."""
