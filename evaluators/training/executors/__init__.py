"""Where cohorts run: this process, or a Ray cluster."""
