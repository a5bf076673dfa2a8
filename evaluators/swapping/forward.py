"""A module's own ``forward`` as a graph in which calls can be replaced, by :mod:`torch.fx`.

The graph covers what one module does itself; its submodules stay calls. It is traced once as in
training and once as in evaluation; flags that follow ``self.training``, such as that of
``F.dropout``, are put back as a look at it. A forward whose two graphs differ in anything else
cannot be replaced.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FunctionType
from typing import Any

import torch
from torch import fx, nn
from torch.utils import _pytree as pytree

from primitives import ActsearchError

_ASKING = {"isinstance", "type", "is_tensor", "hasattr", "callable", "is_grad_enabled", "is_inference_mode_enabled"}
"""What answers otherwise about a proxy than about a tensor, or otherwise at another time."""
_INSTALLED = "_actsearch_graph"
_PLAIN = (bool, int, float, str, type(None))


class Untraceable(Exception):
    """A forward that cannot be written as a graph; the message is a clause that says why."""


Graphs = tuple[fx.Graph, fx.Graph]
"""A module's own forward in training and in evaluation."""


def trace(module: nn.Module) -> Graphs:
    """Return the graphs of a module's own forward.

    Raises:
        Untraceable: it has none.
    """
    if isinstance(module, fx.GraphModule):
        return module.graph, module.graph
    _check(module)
    return _traced(module, True), _traced(module, False)


def merged(graphs: Graphs) -> fx.Graph:
    """Return one graph that does what both do, each in its mode.

    Raises:
        Untraceable: they differ in more than flags.
    """
    training, evaluation = graphs
    if training.python_code("self").src != evaluation.python_code("self").src:
        _look_at_training(training, evaluation)
    return training


def install(module: nn.Module, graph: fx.Graph) -> None:
    """Give a module a graph as its forward, in place, as a subclass of its own class."""
    if isinstance(module, fx.GraphModule):
        module.recompile()
        return
    traced: Callable[..., Any] = type(fx.GraphModule(module, graph)).forward
    own = type(module)
    body = {
        _INSTALLED: True,
        "forward": _with_signature(own, traced),
        "__module__": own.__module__,
        "__doc__": own.__doc__,
    }
    module.__class__ = type(own.__name__, (own,), body)


def is_installed(module: nn.Module) -> bool:
    """Tell whether a module's forward is a graph, in which the functions that attributes held are constants."""
    return isinstance(module, fx.GraphModule) or hasattr(type(module), _INSTALLED)


def _check(module: nn.Module) -> None:
    if isinstance(module, torch.jit.ScriptModule):
        raise Untraceable("it is TorchScript")
    if "forward" in vars(module):
        raise Untraceable("its forward was set on the instance")
    if asked := _ASKING & _names_used(type(module), inspect.unwrap(type(module).forward).__code__, set()):
        raise Untraceable(f"its forward asks {' and '.join(sorted(asked))}, which tracing would answer for good")
    for parameter in _parameters(type(module)).values():
        if parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
            raise Untraceable("its forward takes any number of arguments")
        if parameter.default is not inspect.Parameter.empty and not isinstance(parameter.default, _PLAIN):
            raise Untraceable(f"the default of its argument {parameter.name} is a {type(parameter.default).__name__}")


def _names_used(module: type[nn.Module], code: CodeType, seen: set[str]) -> set[str]:
    """Return the names that a piece of code and the methods of the class that it calls mention."""
    names = set(code.co_names) - seen
    seen |= names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            names |= _names_used(module, inner, seen)
    for method in [getattr(module, name, None) for name in names]:
        if isinstance(method, FunctionType) and not (method.__module__ or "").startswith("torch."):
            names |= _names_used(module, method.__code__, seen)
    return names


def _parameters(module: type[nn.Module]) -> dict[str, inspect.Parameter]:
    """Return the parameters of a class's forward without ``self``."""
    return dict(list(inspect.signature(module.forward).parameters.items())[1:])


class _Tracer(fx.Tracer):
    """Traces one module, its submodules being leaves, with optional arguments at their defaults."""

    def __init__(self, defaults: dict[str, Any]) -> None:
        super().__init__()
        self._defaults = defaults

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        del m, module_qualified_name
        return True

    def create_args_for_root(
        self, root_fn: Callable[..., Any], is_module: bool, concrete_args: Any = None
    ) -> tuple[Any, list[Any]]:
        function, (root, *given) = super().create_args_for_root(root_fn, is_module, concrete_args)
        names = _parameters(type(root))
        pinned = [self._defaults.get(name, proxy) for name, proxy in zip(names, given, strict=True)]
        return function, [root, *pinned]


def _defaults(module: type[nn.Module]) -> dict[str, Any]:
    parameters = _parameters(module).values()
    return {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}


def _traced(module: nn.Module, training: bool) -> fx.Graph:
    before = dict(vars(module))
    try:
        with _mode(module, training), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            graph = _Tracer(_defaults(type(module))).trace(module)
    except Exception as error:  # a forward may raise anything when it is given proxies
        first = (str(error).splitlines() or [""])[0]
        raise Untraceable(f"{type(error).__name__}: {first}") from error
    finally:
        kept = [name for name, value in vars(module).items() if name not in before or before[name] is not value]
        vars(module).clear()
        vars(module).update(before)
    if any(name.startswith("_tensor_constant") for name in kept):
        raise Untraceable("its forward makes a tensor that depends on no input")
    if kept:
        raise Untraceable(f"its forward keeps {' and '.join(kept)} from one call to the next")
    return graph


@contextmanager
def _mode(module: nn.Module, training: bool) -> Iterator[None]:
    before, module.training = module.training, training
    try:
        yield
    finally:
        module.training = before


def _look_at_training(graph: fx.Graph, evaluation: fx.Graph) -> None:
    """Replace arguments that are true in one graph and false in the other by ``self.training``."""
    different = Untraceable("its forward does something else in training than in evaluation")
    if [(n.op, str(n.target)) for n in graph.nodes] != [(n.op, str(n.target)) for n in evaluation.nodes]:
        raise different
    with graph.inserting_before(next(iter(graph.nodes))):
        flag = graph.create_node("get_attr", "training")
    originals = [node for node in graph.nodes if node is not flag]
    for node, other in zip(originals, evaluation.nodes, strict=True):
        ours, shape = pytree.tree_flatten((node.args, node.kwargs))
        theirs, other_shape = pytree.tree_flatten((other.args, other.kwargs))
        if shape != other_shape or not all(map(_agree, ours, theirs)):
            raise different
        merged = [flag if a is True and b is False else a for a, b in zip(ours, theirs, strict=True)]
        node.args, node.kwargs = pytree.tree_unflatten(merged, shape)
    _move_after_placeholders(graph, flag)


def _agree(one: Any, other: Any) -> bool:
    if isinstance(one, fx.Node) and isinstance(other, fx.Node):
        return one.name == other.name
    return bool((one is True and other is False) or (type(one) is type(other) and one == other))


def _move_after_placeholders(graph: fx.Graph, node: fx.Node) -> None:
    *_, last = (n for n in graph.nodes if n.op == "placeholder")
    last.append(node)


def _with_signature(own: type[nn.Module], traced: Callable[..., Any]) -> Callable[..., Any]:
    """Return a traced forward that is called as the class's own, optional arguments at their defaults only."""
    signature, defaults, name = inspect.signature(own.forward), _defaults(own), own.__name__

    @functools.wraps(own.forward)
    def forward(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        for argument, default in defaults.items():
            value = bound.arguments[argument]
            if value is not default and not (isinstance(value, _PLAIN) and value == default):
                raise ActsearchError(
                    f"{name}.forward was swapped for {argument}={default!r} and is called with another value; "
                    "swap with functional=False and replace its functional activations by modules"
                )
        return traced(*bound.arguments.values())

    return (
        traced if not defaults and list(inspect.signature(traced).parameters) == list(signature.parameters) else forward
    )
