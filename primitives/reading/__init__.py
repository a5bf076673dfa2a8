"""A formula as a person or a paper writes it becomes the infix that :func:`primitives.parser.parse` reads.

:mod:`primitives.reading.letters` turns Unicode and LaTeX commands into plain words, :mod:`~primitives.reading.rows`
environments by cases, :mod:`~primitives.reading.code` modules and methods; :mod:`~primitives.reading.statement` takes
off what stands around the formula; ``formula.lark`` says how words go together, :mod:`~primitives.reading.words` and
:mod:`~primitives.reading.settings` what they mean elsewhere. All of it is text to text: nothing is evaluated.
"""
