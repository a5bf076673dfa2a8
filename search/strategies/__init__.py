"""Which tree next: one file each."""
