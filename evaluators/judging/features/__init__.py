"""What is computed of a function before any training, one number a feature; each file holds a group of them."""
