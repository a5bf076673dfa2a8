"""Training many candidates as one stacked network, one by one where that cannot be, with the same answers."""
