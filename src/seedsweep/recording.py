"""The operations of a function of tensors, recorded to be repeated: without its Python, its vmap and its autograd.

`torch.fx.experimental.proxy_tensor.make_fx` finds the same operations, but describes each result as well, which nobody
needs here and takes seven times as long; and a fleet whose members leave is recorded again and again.
"""

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map
from torch.utils.weak import WeakIdKeyDictionary


def record(function: Callable[..., Any], *inputs: Tensor) -> Callable[..., Any]:
    """What `function` does to `inputs`, for others of the same shapes.

    Raises `RuntimeError` if it looks at a value, on which what it does might depend.
    """
    recorder = _Recorder()
    for number, value in enumerate(inputs):
        recorder.nodes[value] = recorder.graph.placeholder(f"input_{number}")
    with recorder, torch.autograd.set_multithreading_enabled(False):  # else backward on a GPU has a thread of its own
        made = function(*inputs)
    recorder.graph.output(tree_map(recorder.node, made))
    for node in recorder.graph.find_nodes(op="call_function", target=torch.ops.aten.detach.default):
        node.replace_all_uses_with(node.args[0])  # without autograd it does nothing
    recorder.graph.eliminate_dead_code()
    return fx.GraphModule(recorder.constants, recorder.graph)


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Writes a node of the graph for every operation, below vmap and autograd, where tensors are what they are."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.graph, self.constants = fx.Graph(), nn.Module()
        self.nodes = WeakIdKeyDictionary()  # of tensors, which may be gone as soon as nobody needs them

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        node = self.graph.call_function(function, tree_map(self.node, args), tree_map(self.node, kwargs))
        made = function(*args, **kwargs)
        if isinstance(made, Tensor):
            self.nodes[made] = node
        elif isinstance(made, tuple | list):
            for place, part in enumerate(made):
                if isinstance(part, Tensor):
                    self.nodes[part] = self.graph.call_function(operator.getitem, (node, place))
        elif made is not None:
            raise RuntimeError(f"{function} depends on the value of a tensor")
        return made

    def node(self, value: Any) -> Any:
        """The node that a tensor came from, a constant if from none; anything else is itself."""
        if not isinstance(value, Tensor):
            return value
        if value not in self.nodes:
            name = f"constant_{len(list(self.constants.buffers()))}"
            self.constants.register_buffer(name, value)
            self.nodes[value] = self.graph.get_attr(name)
        return self.nodes[value]
