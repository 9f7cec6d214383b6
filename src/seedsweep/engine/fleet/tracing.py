"""The operations of a function of tensors, traced, to be repeated: without its Python, its vmap and its autograd.

`torch.fx.experimental.proxy_tensor.make_fx` traces the same operations, but also describes each result, which nobody
needs here and takes seven times as long. A fleet whose members leave is traced again and again.
"""

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.weak import WeakIdKeyDictionary


def trace(function: Callable[..., Any], *inputs: Tensor) -> Callable[..., Any]:
    """What `function` does to `inputs`, to be done to any tensors of the same shapes; it must not change them.

    Raises `RuntimeError` if it looks at a value, on which what it does might depend.
    """
    tracer, inputs = _Tracer(), tuple(value.clone(memory_format=torch.contiguous_format) for value in inputs)
    for number, value in enumerate(inputs):
        tracer.add(value, tracer.graph.placeholder(f"input_{number}"))
    geometries = [_geometry(value) for value in inputs]
    with tracer, torch.autograd.set_multithreading_enabled(False):  # else backward on a GPU has a thread of its own
        results = function(*inputs)
    tracer.graph.output(tree_map(tracer.node, results))
    tracer.graph.eliminate_dead_code()
    repeat = fx.GraphModule(tracer.constants, tracer.graph).forward
    return lambda *values: repeat(*map(_with_geometry, values, geometries))


def _with_geometry(value: Tensor, geometry: tuple[Any, ...]) -> Tensor:
    """The same values, laid out in memory as when they were traced."""
    return value if _geometry(value) == geometry else value.clone(memory_format=torch.contiguous_format)


class _Tracer(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Writes a node of the graph for every operation, below vmap and autograd, where tensors are what they are.

    However many views were taken of views, each is one of the tensor to which the memory belongs, and is taken once.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.graph, self.constants = fx.Graph(), nn.Module()
        # by tensor, for as long as it lives: its node, and the node that its memory comes from
        self.nodes, self.roots = WeakIdKeyDictionary(), WeakIdKeyDictionary()
        self.views: dict[tuple[Any, ...], fx.Node] = {}

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if function is torch.ops.aten.lift_fresh.default:  # a new constant, into which the function may write
            function = torch.ops.aten.lift_fresh_copy.default
        if torch.Tag.inplace_view in function.tags:
            return self._view_in_place(function, args, kwargs)
        result = function(*args, **kwargs)
        if not function._schema.is_mutable and self._are_views(result, args):
            return result
        node = self.graph.call_function(function, tree_map(self.node, args), tree_map(self.node, kwargs))
        if isinstance(result, Tensor):
            self.add(result, node)
        elif isinstance(result, tuple | list):
            for position, output in enumerate(result):
                if isinstance(output, Tensor):
                    self.add(output, self.graph.call_function(operator.getitem, (node, position)))
        elif result is not None:
            raise RuntimeError(f"{function} depends on the value of a tensor")
        return result

    def add(self, value: Tensor, node: fx.Node) -> None:
        """Keep the node of a tensor, which is also that of its memory, unless the memory has one."""
        self.nodes[value] = node
        if value.layout is torch.strided:
            root = self.roots.setdefault(value, node)  # type: ignore[no-untyped-call]
            self.views.setdefault((root, *_geometry(value)), node)

    def _are_views(self, result: Any, args: Any) -> bool:
        """Whether all results are views of tensors among `args`; writes their nodes."""
        outputs = result if isinstance(result, tuple | list) else [result]
        bases = {_memory(value): value for value in tree_leaves(args) if isinstance(value, Tensor)}
        if not all(isinstance(output, Tensor) and _memory(output) in bases for output in outputs):
            return False
        for output in outputs:
            self._view(output, bases[_memory(output)])
        return True

    def _view(self, output: Tensor, base: Tensor) -> None:
        self.node(base)  # has a root from now on
        root = self.roots[base]
        view = (root, *_geometry(output))
        if view not in self.views:
            self.views[view] = self.graph.call_function(torch.as_strided, view)
        self.nodes[output], self.roots[output] = self.views[view], root

    def _view_in_place(self, function: Any, args: Any, kwargs: Any) -> Any:
        """Make a tensor another view of its memory, as `t_` does: an operation that need not be repeated."""
        self.node(args[0])
        memory = _memory(args[0])
        result = function(*args, **kwargs)
        if _memory(result) != memory:
            raise RuntimeError(f"{function} gives a tensor another memory")
        self._view(result, args[0])
        return result

    def node(self, value: Any) -> Any:
        """The node of a tensor, that of a constant if it has none; anything else is itself."""
        if not isinstance(value, Tensor):
            return value
        if value not in self.nodes:
            name = f"constant_{len(list(self.constants.buffers()))}"
            self.constants.register_buffer(name, value)
            self.add(value, self.graph.get_attr(name))
        return self.nodes[value]


def _memory(value: Tensor) -> tuple[Any, ...]:
    """What a tensor has in common with its views that `as_strided` can make."""
    if value.layout is not torch.strided:
        return (object(),)
    return value.untyped_storage().data_ptr() or id(value), value.dtype, value.is_conj(), value.is_neg()


def _geometry(value: Tensor) -> tuple[Any, ...]:
    return tuple(value.shape), value.stride(), value.storage_offset()
