"""The optimiser of training: who gets Muon, what its steps look like, and that its state can be carried over."""

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, nn  # noqa: E402

from stactools_esd.encoder.optimiser import LEAST_SIDE, Optimiser  # noqa: E402


def _modules() -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv1d(4, 32, 3), nn.Conv1d(32, 24, 5, bias=False), nn.BatchNorm1d(24))
    return network, nn.Linear(24, 2)


def _loss(network: nn.Module, heads: nn.Module, seed: int) -> Tensor:
    x = torch.randn(8, 4, 9, generator=torch.Generator().manual_seed(seed))
    loss: Tensor = heads(network(x).mean(dim=2)).square().mean()
    return loss


def _optimiser(network: nn.Module, heads: nn.Module) -> Optimiser:
    return Optimiser(network, heads, learning_rate=0.01, weight_decay=0.0)


def test_a_step_moves_every_parameter_once() -> None:
    """Kernels, norms and heads all move, and none is in both hands: a first step has the size of the learning rate."""
    network, heads = _modules()
    before = [parameter.detach().clone() for parameter in (*network.parameters(), *heads.parameters())]
    _optimiser(network, heads).step(_loss(network, heads, 1), 0.01, clip=5.0)
    after = [*network.parameters(), *heads.parameters()]
    moved = [float((a.detach() - b).abs().max()) for a, b in zip(after, before, strict=True)]
    # The third is Muon's, whose steps have the size of the learning rate only on average.
    assert all(move > 0 for move in moved)
    assert max(moved[:2] + moved[3:]) <= 0.0101


def test_inner_matrices_step_alike_in_all_directions() -> None:
    """The step of a kernel inside the network has singular values of one size, however unlike its gradient's are."""
    network, heads = _modules()
    inner = network[1]
    assert isinstance(inner, nn.Conv1d)
    assert min(inner.weight.flatten(1).shape) >= LEAST_SIDE
    before = inner.weight.detach().clone()
    _optimiser(network, heads).step(_loss(network, heads, 1), 0.01, clip=5.0)
    sizes = torch.linalg.svdvals((inner.weight - before).flatten(1))
    assert inner.weight.grad is not None
    gradient = torch.linalg.svdvals(inner.weight.grad.flatten(1))
    assert sizes[0] / sizes[9] < 2
    assert gradient[0] / gradient[9] > 4


def test_state_carries_over() -> None:
    """An optimiser that is given the state of another takes exactly the steps that the other would have taken."""
    first, second = _modules(), _modules()
    one = _optimiser(*first)
    for seed in (1, 2):
        one.step(_loss(*first, seed), 0.01, clip=5.0)
    other = _optimiser(*second)
    for here, there in zip(second, first, strict=True):
        here.load_state_dict(there.state_dict())
    other.load(one.tensors())
    for modules, optimiser in ((first, one), (second, other)):
        optimiser.step(_loss(*modules, 3), 0.01, clip=5.0)
    for here, there in zip(second, first, strict=True):
        for a, b in zip(here.parameters(), there.parameters(), strict=True):
            assert torch.equal(a, b)
