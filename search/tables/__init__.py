"""Tables of trained functions: made once, then any strategy is played on them."""
