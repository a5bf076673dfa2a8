"""What is each feature worth to the model that chooses what to train? Measured on tables of trained functions."""
