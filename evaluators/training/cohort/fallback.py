"""Why a member is not stacked: what its network does, told apart from a fault of ours."""

from __future__ import annotations

import warnings
from types import FrameType, TracebackType

_OURS = ("evaluators.training.cohort", "primitives")
_GENERATED = "<actsearch "
"""What the file names of code begin with that we generate, see :mod:`primitives.module`."""
_LONGEST = 200


class Unstackable(Exception):
    """A network whose members cannot share one forward pass; the message says why."""


class StackFault(RuntimeWarning):
    """The stack failed where no user's code ran: members train one by one, and somebody should mend it."""


def is_ours(error: BaseException) -> bool:
    """Tell whether an error was raised by a line of the cohort trainer or of a kernel that we generate."""
    frame = _raised_in(error.__traceback__)
    if frame is None:
        return False
    name = str(frame.f_globals.get("__name__"))
    ours = any(name == module or name.startswith(f"{module}.") for module in _OURS)
    return ours or frame.f_code.co_filename.startswith(_GENERATED)


def _raised_in(trace: TracebackType | None) -> FrameType | None:
    """Return the frame whose line raised.

    Torch functions of a user pass through a mode of ours, which does not count.
    """
    frame = None
    while trace is not None:
        if trace.tb_frame.f_code.co_name != "__torch_function__":
            frame = trace.tb_frame
        trace = trace.tb_next
    return frame


def reason_of(error: Exception) -> str:
    """Return why members are not stacked, given what came of it; of a fault of ours it is warned, too."""
    if isinstance(error, Unstackable):
        return str(error)
    if not is_ours(error):
        return _clause(error)
    reason = f"a fault of actsearch, please report it: {type(error).__name__}: {_first_line(error)}"
    warnings.warn(f"members train one by one because of {reason}", StackFault, stacklevel=3)
    return reason


def _clause(error: Exception) -> str:
    said = _first_line(error)
    if "does not have a grad_fn" in said or "requires_grad_()" in said:
        return "its loss calls torch.autograd.grad, which a stack cannot follow; write it with torch.func.grad or jvp"
    if "data-dependent" in said or ".item()" in said:
        return "its forward or its loss turns data into numbers or branches on them"
    return f"{type(error).__name__}: {said}"


def _first_line(error: Exception) -> str:
    line = str(error).splitlines()[0] if str(error) else "no reason given"
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
