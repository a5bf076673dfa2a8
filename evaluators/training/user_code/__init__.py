"""A user's own code: task files and extensions, imported once, fingerprinted, and sent to workers as source.

Code is named by a file (``my_task.py``) or a module (``package.module``). What it imports from its own
folder belongs to it: :mod:`~evaluators.training.user_code.sources` finds those files without running anything, so a
run knows whether they changed, and a worker gets them without seeing the folder.
"""
