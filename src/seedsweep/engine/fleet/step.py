"""A step of a Lightning module without a Trainer: what it returns and logs, if it asks nothing else of one."""

import inspect
import operator
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from seedsweep.problem.module import Learner

Batch = tuple[Tensor, ...]
Logged = dict[str, Tensor]
Tensors = dict[str, Tensor]

OUTPUT = "(output)"  # among what is logged: what the network of a `Learner` that keeps its outputs has given


class Step(nn.Module):
    """A step of a Lightning module as the forward pass of a module that `functional_call` can call.

    After a call `logged` has what it logged, and its output if that is to be kept; `kept` has what the module has under
    these names. A step that depends on anything but its batch raises `ValueError`: it would be traced with what it
    depends on as it was the first time.
    """

    def __init__(self, module: nn.Module, step: str, names: Sequence[str] = ()):
        super().__init__()
        self.module, self.step, self.names = module, step, names
        self.logged: Logged = {}
        self.kept: Tensors = {}

    def forward(self, batch: Batch) -> Any:
        """What the step returns for a batch."""
        step, attributes = getattr(self.module, self.step), self.module.__dict__
        index = [_Unknown("batch_idx")] if len(inspect.signature(step).parameters) > 1 else []  # whatever it is called
        rows = len(batch[0])
        trainer, attributes["_trainer"] = attributes.get("_trainer"), _Unknown("Lightning's Trainer")
        attributes["log"] = lambda *arguments, **options: self._log(rows, *arguments, **options)  # log_dict calls it
        is_ours = isinstance(self.module, Learner)
        if is_ours:
            attributes["keep_output"] = lambda _stage, output, _target: self.logged.update({OUTPUT: output})
        try:
            returned = step(batch, *index)
            self.kept = {
                name: operator.attrgetter(name)(self.module) for name in self.names
            }  # while they are a member's
            return returned
        finally:
            attributes["_trainer"] = trainer
            del attributes["log"]
            if is_ours:
                del attributes["keep_output"]

    def _log(self, rows: int, name: str, value: Any, *_: Any, **options: Any) -> None:
        reduction, size = options.get("reduce_fx", "mean"), options.get("batch_size")
        if reduction not in ("mean", torch.mean):
            raise ValueError(f"it logs {name} with reduce_fx={reduction}")
        if size not in (None, rows):
            raise ValueError(f"it logs {name} with batch_size={size}, of {rows} rows")
        if not isinstance(value, Tensor | int | float):
            raise ValueError(f"it logs {name} as a {type(value).__name__}, which keeps what it has seen")
        self.logged[name] = torch.as_tensor(value).detach()


class _Unknown:
    """Stands for what a step may not depend on."""

    def __init__(self, what: str):
        self.__dict__["what"] = what

    def _refuse(self, *_: Any) -> Any:
        raise ValueError(f"its step uses {self.__dict__['what']}")

    __getattr__ = __setattr__ = __call__ = __bool__ = __index__ = __int__ = __float__ = __eq__ = __ne__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _refuse
    __mod__ = __rmod__ = __floordiv__ = __truediv__ = __rtruediv__ = __str__ = __repr__ = __format__ = _refuse
    __hash__ = None  # type: ignore[assignment]
