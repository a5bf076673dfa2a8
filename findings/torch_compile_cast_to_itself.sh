#!/usr/bin/env bash
# torch 2.11.0 against 2.12.0 (Python 3.11, CPU): an autograd.Function whose forward ends in a cast to the type that the
# result has already, as code for several precisions does. The cast returns the tensor itself, and nothing of it shows in
# eager mode. Under torch.compile of 2.11.0, with any backend and fullgraph=True, the value is right and the gradient is
# zero, without a warning; the same function without the cast, or with one that changes the type, has its gradient.
# 2.12.0 is right. Guessed before: a cast that does nothing is nothing. It came to light on a GPU, in generated layers
# whose slopes were all zero, and needs no GPU. Near it: pytorch issue 180642, in-place operations within forward.
#
# Seen (downloads two releases of torch, about 5 GB):
#   2.11.0 eager mode: [0.786448] compiled: without a cast [0.786448] to itself [0.0] from double [0.786448]
#   2.12.0 eager mode: [0.786448] compiled: without a cast [0.786448] to itself [0.786448] from double [0.786448]
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cat >"$place/case.py" <<'PYTHON'
import torch


def made(ending):
    class Tanh(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return ending(torch.tanh(x), x)

        @staticmethod
        def backward(ctx, grad):
            (x,) = ctx.saved_tensors
            return grad * (1 - torch.tanh(x) ** 2)

    return Tanh.apply


def slope(function):
    x = torch.tensor([0.5], requires_grad=True)
    function(x).sum().backward()
    return [round(value, 6) for value in x.grad.tolist()]


def compiled(function):
    torch.compiler.reset()
    return torch.compile(lambda x: function(x), fullgraph=True, backend="eager")


plain, itself = made(lambda y, x: y), made(lambda y, x: y.to(x.dtype))
double = made(lambda y, x: y.double().to(x.dtype))
words = ["eager mode:", slope(itself), "compiled: without a cast", slope(compiled(plain))]
print(torch.__version__.split("+")[0], *words, "to itself", slope(compiled(itself)), "from double", slope(compiled(double)))
PYTHON
seen=""
for version in 2.11.0 2.12.0; do
  python3 -m venv "$place/$version"
  "$place/$version/bin/pip" install --quiet --disable-pip-version-check "torch==$version" numpy==2.4.6 2>/dev/null
  seen+=$("$place/$version/bin/python" -W ignore "$place/case.py")$'\n'
  rm -rf "${place:?}/$version"
done
printf '%s' "$seen"
right="[0.786448]"
wanted="2.11.0 eager mode: $right compiled: without a cast $right to itself [0.0] from double $right
2.12.0 eager mode: $right compiled: without a cast $right to itself $right from double $right
"
test "$seen" = "$wanted"
