"""Properties that somebody may require of a function: from bounded to positive."""
