"""Which known activation functions a search finds again from their sampled values, and after how many fits.

    python -m search.studies.recovery

plays every strategy, and a rival where it is installed, on seven targets; it goes on where it was stopped.
"""
