"""What entropy is worth: zero-cost scores against trainings of the whole reference library.

    python -m search.studies.entropy

writes trainings, scores, correlations, tables and pictures; it goes on where it was stopped.
"""
