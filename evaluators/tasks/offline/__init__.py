"""The tasks that bring their own data."""
