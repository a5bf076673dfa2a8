"""A campaign seen while it runs: one frame a moment, shown, written as events, kept for who watches from elsewhere."""
