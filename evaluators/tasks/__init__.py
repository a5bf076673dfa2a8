"""What is trained on: the catalogue, the check of a user's own, networks to build with, and ours."""
