"""Other activations in a network that is already there: :func:`evaluators.swapping.swap.swap`."""
