"""Batch normalisation by plain operations, which vmap can take for members with statistics of their own."""

from torch import Tensor


def batch_normalized(
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """What `torch.nn.functional.batch_norm` gives; as there, the running statistics are changed in a training.

    The running variance is that of a sample, with n - 1, and the one that is divided by has n.
    """
    others = [0, *range(2, x.ndim)]

    def by_channel(value: Tensor) -> Tensor:
        return value.reshape(-1, *(1,) * (x.ndim - 2))

    if training:
        mean, var = x.mean(others), x.var(others, correction=0)
        n = x.numel() / x.shape[1]
        if n == 1:
            raise ValueError(f"Expected more than 1 value per channel when training, got input size {x.shape}")
        if running_mean is not None and running_var is not None:
            running_mean.copy_((1 - momentum) * running_mean + momentum * mean.detach())
            running_var.copy_((1 - momentum) * running_var + momentum * n / (n - 1) * var.detach())
    else:
        assert running_mean is not None and running_var is not None  # noqa: S101, PT018
        mean, var = running_mean, running_var
    normal = (x - by_channel(mean)) * by_channel((var + eps).rsqrt())
    scaled = normal if weight is None else normal * by_channel(weight)
    return scaled if bias is None else scaled + by_channel(bias)
