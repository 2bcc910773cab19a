"""What is wrong with the recordings: measured clip by clip, judged against their speaker, shown on a page."""
