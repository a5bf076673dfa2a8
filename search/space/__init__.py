"""What can be proposed: trees of primitives, how they vary, and which are too near to be worth a training."""
