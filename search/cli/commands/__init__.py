"""The commands, a file for each group of the help page."""
