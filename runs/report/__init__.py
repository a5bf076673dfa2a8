"""A run as one page that a browser shows without a network: data in, HTML out.

:mod:`runs.report.page` puts together what one module a section makes of a :class:`runs.report.material.Material`.
Everything that comes from a run is escaped; the page's own policy forbids every request.
"""
