"""What can be said: primitives, expressions, known activations, and the compiler to torch.

An :class:`Expression` is a frozen formula in ``x`` with learnable parameters. :func:`parse` reads
one from untrusted text without evaluating anything, and :func:`compile_expression` turns it into
the same torch source that an export contains. Nothing here knows about training or files.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
