"""Which tasks can tell good functions from better ones, and by which score.

    python -m search.studies.telling

trains the panel on every offline task and writes the table of agreement; it goes on where it was stopped.
"""
