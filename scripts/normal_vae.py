"""A small variational autoencoder of normal years, to stand beside the Gaussian model that is shipped.

It learns a year of a sample given the class and the mean of the sample's other normal years (Kingma & Welling 2014,
with conditions as in Sohn et al. 2015); a year is as unlike normal as it is badly told. The drift of years is taken
out before.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

EPOCHS: Final = 120
WIDTH: Final = 128
LATENT: Final = 8
BATCH: Final = 512
DROPPED: Final = 0.1
"""Share of training rows whose own years are not told, so that content alone counts too."""


def vae_scores(
    values: NDArray[np.float64], own: NDArray[np.bool_], member: NDArray[np.intp], k: int, *, seed: int = 0
) -> NDArray[np.float64]:
    """Return how badly each year is told, (n, years).

    Args:
        values: `normal.scaled` levels (n, years, 72).
        own: Normal years, on which it trains (n, years); no year is told by itself.
        member: Class of each sample, as a position (n,).
        k: Number of classes.
        seed: Decides first weights, order and noise.
    """
    import torch

    torch.manual_seed(seed)
    torch.set_num_threads(1)
    n, years, channels = values.shape
    table = values - np.stack([values[own[:, year], year].mean(axis=0) for year in range(years)])
    count = own.sum(axis=1)[:, None, None] - own[..., None]
    others = ((table * own[..., None]).sum(axis=1, keepdims=True) - table * own[..., None]) / np.maximum(count, 1)
    kinds = np.broadcast_to(np.eye(k)[member][:, None], (n, years, k))
    given = np.concatenate([others, count > 0, kinds], axis=2).astype(np.float32)
    scale = table[own].std(axis=0) + 0.02
    x = torch.from_numpy((table / scale).reshape(-1, channels).astype(np.float32))
    c = torch.from_numpy(given.reshape(len(x), -1))
    rows = torch.from_numpy(np.flatnonzero(own.ravel()))

    def layers(inside: int, outside: int) -> torch.nn.Sequential:
        return torch.nn.Sequential(
            torch.nn.Linear(inside, WIDTH), torch.nn.SiLU(), torch.nn.Linear(WIDTH, WIDTH), torch.nn.SiLU(),
            torch.nn.Linear(WIDTH, outside),
        )  # fmt: skip

    encoder = layers(channels + c.shape[1], 2 * LATENT)
    decoder = layers(LATENT + c.shape[1], channels)
    spread = torch.nn.Parameter(torch.zeros(channels))
    weights = [*encoder.parameters(), *decoder.parameters(), spread]
    optimiser = torch.optim.AdamW(weights, lr=2e-3, weight_decay=1e-3)

    def loss_of(seen: torch.Tensor, told: torch.Tensor, draw: bool) -> torch.Tensor:
        mean, log_variance = encoder(torch.cat([seen, told], dim=1)).chunk(2, dim=1)
        log_variance = log_variance.clamp(-8, 4)
        latent = mean + torch.randn_like(mean) * (log_variance / 2).exp() if draw else mean
        apart = (seen - decoder(torch.cat([latent, told], dim=1))) ** 2
        badly = (apart / spread.exp() + spread).sum(dim=1) / 2
        return badly + (mean**2 + log_variance.exp() - log_variance - 1).sum(dim=1) / 2

    for _ in range(EPOCHS):
        for part in rows[torch.randperm(len(rows))].split(BATCH):
            told = c[part] * torch.cat(
                [(torch.rand(len(part), 1) > DROPPED).float().expand(-1, channels + 1), torch.ones(len(part), k)], dim=1
            )
            loss = loss_of(x[part], told, draw=True).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    with torch.no_grad():
        return np.asarray(loss_of(x, c, draw=False).numpy().reshape(n, years), dtype=np.float64)
