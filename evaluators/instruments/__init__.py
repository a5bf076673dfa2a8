"""What a person uses on a network of their own: measures, timing, the dynamic layer, and ``swap``."""
