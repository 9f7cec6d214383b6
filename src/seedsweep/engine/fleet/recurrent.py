"""Recurrent layers step by step, by plain operations, which vmap can take; torch's own it cannot."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear

State = tuple[Tensor, ...]  # hidden, and of an LSTM the cell
Cell = Callable[[Tensor, Tensor, State], State]  # of what comes from the input and from the hidden state


def _plain(activation: Callable[[Tensor], Tensor]) -> Cell:
    return lambda given, hidden, state: (activation(given + hidden),)


def _gru(given: Tensor, hidden: Tensor, state: State) -> State:
    (reset_x, update_x, new_x), (reset_h, update_h, new_h) = given.chunk(3, -1), hidden.chunk(3, -1)
    update = torch.sigmoid(update_x + update_h)
    new = torch.tanh(new_x + torch.sigmoid(reset_x + reset_h) * new_h)
    return ((state[0] - new) * update + new,)


def _lstm(given: Tensor, hidden: Tensor, state: State) -> State:
    enter, forget, cell, leave = (given + hidden).chunk(4, -1)
    after = torch.sigmoid(forget) * state[1] + torch.sigmoid(enter) * torch.tanh(cell)
    return torch.sigmoid(leave) * torch.tanh(after), after


RECURRENT: dict[Any, Cell] = {
    torch.rnn_tanh: _plain(torch.tanh),
    torch.rnn_relu: _plain(torch.relu),
    torch.gru: _gru,
    torch.lstm: _lstm,
}


def recurrent(function: Any, *arguments: Any) -> Any:
    """What `torch.gru`, `torch.lstm`, `torch.rnn_tanh` or `torch.rnn_relu` gives.

    Packed sequences, projections, and dropout between the layers are left to torch's own.
    """
    if not isinstance(arguments[2], list | tuple):  # packed sequences
        return function(*arguments)
    x, start, weights, has_biases, layers, dropout, training, bidirectional, batch_first = arguments
    directions, number = 1 + bidirectional, 2 + 2 * has_biases
    if len(weights) != number * layers * directions or (dropout and training and layers > 1):
        return function(*arguments)
    x = x.transpose(0, 1) if batch_first else x
    starts = (start,) if isinstance(start, Tensor) else start
    ends: list[State] = []
    for layer in range(layers):
        outputs = []
        for direction in range(directions):
            index = layer * directions + direction
            of_layer = weights[index * number : (index + 1) * number]
            first = tuple(state[index] for state in starts)
            states = _states(RECURRENT[function], x.flip(0) if direction else x, first, of_layer)
            output = torch.stack([state[0] for state in states])
            outputs.append(output.flip(0) if direction else output)
            ends.append(states[-1])
        x = torch.cat(outputs, dim=-1)
    output = x.transpose(0, 1) if batch_first else x
    return output, *(torch.stack(states) for states in zip(*ends, strict=True))


def _states(cell: Cell, x: Tensor, state: State, weights: Sequence[Tensor]) -> list[State]:
    """The states after each of the inputs x (t, n, d)."""
    of_input, of_hidden, *biases = weights
    given = linear(x, of_input, *biases[:1])
    states = []
    for value in given.unbind(0):
        state = cell(value, linear(state[0], of_hidden, *biases[1:]), state)
        states.append(state)
    return states
