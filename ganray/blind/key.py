"""What the key of a test calls the sounds that are no system's."""

REFERENCE, ANCHOR = "recording", "anchor"
"""The recording, open and hidden; the same without what lies above 3.5 kHz."""
