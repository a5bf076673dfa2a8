"""An expression as a file for another program."""
