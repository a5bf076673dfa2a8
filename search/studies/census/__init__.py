"""A census: what a swap does in networks of the libraries that people use."""
