"""The operations of a function of tensors, traced, to be repeated: without its Python, its vmap and its autograd.

`torch.fx.experimental.proxy_tensor.make_fx` finds the same operations, but describes each result as well, which nobody
needs here and takes seven times as long; and a fleet whose members leave is traced again and again.
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
    """What `function` does to `inputs`, for others of the same shapes, which it must not change.

    Raises `RuntimeError` if it looks at a value, on which what it does might depend.
    """
    tracer, inputs = _Tracer(), tuple(value.clone(memory_format=torch.contiguous_format) for value in inputs)
    for number, value in enumerate(inputs):
        tracer.add(value, tracer.graph.placeholder(f"input_{number}"))
    positions = [_place(value) for value in inputs]
    with tracer, torch.autograd.set_multithreading_enabled(False):  # else backward on a GPU has a thread of its own
        made = function(*inputs)
    tracer.graph.output(tree_map(tracer.node, made))
    tracer.graph.eliminate_dead_code()
    repeat = fx.GraphModule(tracer.constants, tracer.graph).forward
    return lambda *others: repeat(*map(_placed, others, positions))


def _placed(value: Tensor, position: tuple[Any, ...]) -> Tensor:
    """The same values, in the same places of a memory as when they were traced."""
    return value if _place(value) == position else value.clone(memory_format=torch.contiguous_format)


class _Tracer(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Writes a node of the graph for every operation, below vmap and autograd, where tensors are what they are.

    However many views were taken of views, each is one of the tensor to which the memory belongs, and is taken once.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.graph, self.constants = fx.Graph(), nn.Module()
        # of tensors, which may be gone as soon as nobody needs them: their nodes, and those that their memory came from
        self.nodes, self.roots = WeakIdKeyDictionary(), WeakIdKeyDictionary()
        self.views: dict[tuple[Any, ...], fx.Node] = {}

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if function is torch.ops.aten.lift_fresh.default:  # a new constant, into which the function may write
            function = torch.ops.aten.lift_fresh_copy.default
        if torch.Tag.inplace_view in function.tags:
            return self._seen_otherwise(function, args, kwargs)
        made = function(*args, **kwargs)
        if not function._schema.is_mutable and self._are_views(made, args):
            return made
        node = self.graph.call_function(function, tree_map(self.node, args), tree_map(self.node, kwargs))
        if isinstance(made, Tensor):
            self.add(made, node)
        elif isinstance(made, tuple | list):
            for position, output in enumerate(made):
                if isinstance(output, Tensor):
                    self.add(output, self.graph.call_function(operator.getitem, (node, position)))
        elif made is not None:
            raise RuntimeError(f"{function} depends on the value of a tensor")
        return made

    def add(self, value: Tensor, node: fx.Node) -> None:
        """Remember where a tensor came from, and that its memory is its own if it is not known yet."""
        self.nodes[value] = node
        if value.layout is torch.strided:
            root = self.roots.setdefault(value, node)  # type: ignore[no-untyped-call]
            self.views.setdefault((root, *_place(value)), node)

    def _are_views(self, made: Any, args: Any) -> bool:
        """Whether all that was made are views of tensors among `args`; writes their nodes."""
        outputs = made if isinstance(made, tuple | list) else [made]
        given = {_memory(value): value for value in tree_leaves(args) if isinstance(value, Tensor)}
        if not all(isinstance(output, Tensor) and _memory(output) in given for output in outputs):
            return False
        for output in outputs:
            self._view(output, given[_memory(output)])
        return True

    def _view(self, output: Tensor, of: Tensor) -> None:
        self.node(of)  # has a root from now on
        root = self.roots[of]
        view = (root, *_place(output))
        if view not in self.views:
            self.views[view] = self.graph.call_function(torch.as_strided, view)
        self.nodes[output], self.roots[output] = self.views[view], root

    def _seen_otherwise(self, function: Any, args: Any, kwargs: Any) -> Any:
        """Has a tensor become another view of its memory, as `t_` does: of which there is nothing to repeat."""
        self.node(args[0])
        memory = _memory(args[0])
        made = function(*args, **kwargs)
        if _memory(made) != memory:
            raise RuntimeError(f"{function} gives a tensor another memory")
        self._view(made, args[0])
        return made

    def node(self, value: Any) -> Any:
        """The node that a tensor came from, a constant if from none; anything else is itself."""
        if not isinstance(value, Tensor):
            return value
        if value not in self.nodes:
            name = f"constant_{len(list(self.constants.buffers()))}"
            self.constants.register_buffer(name, value)
            self.add(value, self.graph.get_attr(name))
        return self.nodes[value]


def _memory(value: Tensor) -> tuple[Any, ...]:
    """What two tensors have in common of which one is a view of the other, that differs in no more than its place."""
    if value.layout is not torch.strided:
        return (object(),)
    return value.untyped_storage().data_ptr() or id(value), value.dtype, value.is_conj(), value.is_neg()


def _place(value: Tensor) -> tuple[Any, ...]:
    return tuple(value.shape), value.stride(), value.storage_offset()
