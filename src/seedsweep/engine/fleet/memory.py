"""How many bytes a fleet's operations may make in one step, by the device that they are on."""

import torch

# On a CPU. Of more, what one operation has made has left the caches when the next one reads it: the fastest fleets of
# networks from 650 to 77,000 parameters make 300 to 1,100 million bytes in a step (`benchmarks/networks.py`).
QUICK = 2**29
SHARE = 0.5  # of what is free on a GPU, whose memory is cut into pieces that do not always fit


def bytes_at_once(device: str) -> int:
    """What all operations of a step may make together; what a fleet keeps from step to step is part of it.

    Args:
        device: of the fleet's tensors, `cpu` or `cuda`.

    Returns:
        A number of bytes, on a GPU by what is free there now.
    """
    if device == "cpu":
        return QUICK
    free, _ = torch.cuda.mem_get_info()
    unused = torch.cuda.memory_reserved() - torch.cuda.memory_allocated()  # which torch keeps for itself
    return int(SHARE * (free + unused))
