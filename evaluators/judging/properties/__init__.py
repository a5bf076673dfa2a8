"""Properties that somebody may require of a function: bounded, monotone, smooth, odd, even, zero at zero, positive."""
