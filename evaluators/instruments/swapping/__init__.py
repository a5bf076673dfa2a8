"""Other activations in a network that is already there: :func:`evaluators.instruments.swapping.swap.swap`."""
