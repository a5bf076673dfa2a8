"""A formula as a person or a paper writes it becomes the infix that :func:`primitives.parser.parse` reads.

:mod:`primitives.reading.letters` turns Unicode and LaTeX commands into plain words, ``formula.lark`` says how those go
together, :mod:`primitives.reading.words` what they mean elsewhere. All of it is text to text: nothing is evaluated.
"""
