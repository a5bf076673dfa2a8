#!/usr/bin/env bash
# torch 2.14.1 (Python 3.11): a torch.autograd.Function with a jvp of its own, under torch.func.jvp within
# torch.func.jvp. Torch switches forward mode off while it calls jvp, the outer level with it, so the second derivative
# is that of a constant slope: here 0, and nobody says so. Reverse over forward and forward over reverse are right.
# Guessed before: transforms of torch.func compose, or an error says that they do not. Switching forward mode on again
# within jvp, on saved tensors without their own tangent, gives the right one (torch.autograd.forward_ad has both).
#
# Seen, for sin at 0.7:
#   first: 0.764842
#   forward over forward: 0.000000
#   forward over reverse: -0.644218
#   reverse over forward: -0.644218
#   forward over forward, switched on again: -0.644218
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.14.1 2>/dev/null
cat >"$place/case.py" <<'PYTHON'
import torch
from torch.autograd import forward_ad
from torch.func import grad, jvp


class Sine(torch.autograd.Function):
    @staticmethod
    def forward(x):
        return x.sin()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * x.cos()

    @staticmethod
    def jvp(ctx, tangent):
        (x,) = ctx.saved_tensors
        return tangent * x.cos()


class Again(Sine):
    @staticmethod
    def jvp(ctx, tangent):
        with forward_ad._set_fwd_grad_enabled(True):
            x = forward_ad.unpack_dual(ctx.saved_tensors[0], level=0).primal
            return tangent * x.cos()


x = torch.tensor(0.7, dtype=torch.float64)
one = torch.ones_like(x)


def along(function):
    return lambda at: jvp(function, (at,), (one,))[1]


print(f"first: {along(Sine.apply)(x):.6f}")
print(f"forward over forward: {along(along(Sine.apply))(x):.6f}")
print(f"forward over reverse: {along(grad(Sine.apply))(x):.6f}")
print(f"reverse over forward: {grad(along(Sine.apply))(x):.6f}")
print(f"forward over forward, switched on again: {along(along(Again.apply))(x):.6f}")
PYTHON
seen=$("$place/venv/bin/python" -W ignore "$place/case.py")
echo "$seen"
wanted="first: 0.764842
forward over forward: 0.000000
forward over reverse: -0.644218
reverse over forward: -0.644218
forward over forward, switched on again: -0.644218"
test "$seen" = "$wanted"
