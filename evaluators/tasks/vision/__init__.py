"""The image tasks of the founding papers, for those who have the data and a GPU.

A task is a data set, a network and a recipe: ``catalogue`` lists them by name, ``task`` is what they
all are. Nothing is imported here, so that naming them costs nothing.
"""
