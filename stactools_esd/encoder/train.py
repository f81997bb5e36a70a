"""Train an encoder: one loop that is read from top to bottom, resumes after a kill, and ends with weights and a card.

Whatever is random in step k is drawn from the seed and k, so a checkpoint needs no state of a generator: it is the
network, the heads, the optimiser and the number of steps done.
"""

import hashlib
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from stactools_esd.encoder.batches import PHENOLOGY_TARGETS, Batch, Pool, draw_batch, gather
from stactools_esd.encoder.cards import WEIGHTS_FORMAT_VERSION, Card
from stactools_esd.encoder.config import TrainingConfig, read_config
from stactools_esd.encoder.identity import identity_loss
from stactools_esd.encoder.model import ESDNet, Heads, parameter_count
from stactools_esd.encoder.optimiser import Optimiser
from stactools_esd.errors import ConfigError, OutputError
from stactools_esd.files import atomic_path, read_json, sha256_file, write_json
from stactools_esd.simulation import CLASS_NAMES

BAND_SPREAD: Final = (0.03, 0.035, 0.045, 0.08, 0.06, 0.05)
"""Typical spread of reflectance within a year, by band."""

CLIP: Final = 5.0
"""Largest norm of the gradient of a step."""

CHARBONNIER: Final = 0.002
"""Reflectance below which the reconstruction loss turns from linear to quadratic."""


def train(config: Path, run: Path, data: Path | None = None) -> Path:
    """Train an encoder; a run folder with a checkpoint of the same configuration and data is continued.

    Args:
        config: YAML file, see `TrainingConfig`.
        run: Folder for checkpoint, metrics.jsonl, weights, card and pictures.
        data: Folder of real series. None trains on simulation alone.

    Returns:
        Path of the weights; `load_encoder` takes it.

    Raises:
        ConfigError: The configuration is wrong, or asks for a device that is not there.
        OutputError: The run folder holds a run of another configuration or of other data.
        NothingFoundError: A training set is not in the data folder.
    """
    settings = read_config(config)
    if run.exists() and not run.is_dir():
        raise OutputError(f"got the file {run} as run folder, expected a folder; choose another name with -o")
    if settings.device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("got device: cuda, expected a CUDA device; set device: cpu, or install a CUDA build of torch")
    with _torch_threads(settings.threads):
        pools = gather(settings, data)
        session = _Session(settings, run, pools)
        session.resume()
        session.optimise()
        return session.finish()


def losses(network: ESDNet, heads: Heads, batch: Batch, settings: TrainingConfig) -> dict[str, Tensor]:
    """Return `loss` and its parts, those of heads and pairs by name; `mae` is in reflectance."""
    device_type = batch.clean.device.type
    with torch.autocast(device_type, torch.bfloat16, enabled=settings.autocast):
        decoded, vectors = network(batch.seen, batch.present, batch.terrain)
        scores, phenology = heads(vectors)
    believed = (batch.known > 0).float()
    error = (decoded - batch.clean) * believed
    count = believed.sum()
    scale = torch.tensor(error_scale(settings.band_balance), device=error.device)
    reconstruction = ((error.square() + CHARBONNIER**2).sqrt() / scale * believed).sum() / count
    squares = (error / torch.tensor(BAND_SPREAD, device=error.device)).square().sum() / count
    labelled = (batch.class_id >= 0).float()
    cross_entropy = functional.cross_entropy(
        scores.float(), batch.class_id.clamp(min=0), label_smoothing=0.05, reduction="none"
    )
    land_class = (cross_entropy * labelled).mean()
    target_known = ~batch.phenology.isnan()
    target = batch.phenology.nan_to_num()
    smooth = functional.smooth_l1_loss(phenology.float(), target, reduction="none")
    phenology_loss = (smooth * target_known).mean()
    identity = identity_loss(vectors, batch.pixel)
    return {
        "loss": reconstruction
        + settings.square_weight * squares
        + settings.class_weight * land_class
        + settings.phenology_weight * phenology_loss
        + settings.identity_weight * identity,
        "reconstruction": reconstruction,
        "squares": squares,
        "mae": error.abs().sum() / count,
        "land_class": land_class,
        "phenology": phenology_loss,
        "identity": identity,
    }


def error_scale(balance: float) -> list[float]:
    """Return what an error of each band is measured against, reflectance (6,); its mean is that of `BAND_SPREAD`.

    Args:
        balance: 0 for the same in all bands, 1 for the spread of each band.
    """
    scale = [spread**balance for spread in BAND_SPREAD]
    return [value * sum(BAND_SPREAD) / sum(scale) for value in scale]


def learning_rate(settings: TrainingConfig, step: int) -> float:
    """Rise over the warm-up, then follow a cosine down to a two-hundredth."""
    rise = min(1.0, (step + 1) / (settings.warmup_steps + 1))
    fall = 0.5 * (1 + math.cos(math.pi * step / settings.steps)) + 0.005
    return settings.learning_rate * rise * fall


class _Session:
    """The state of a run and its files."""

    def __init__(self, settings: TrainingConfig, run: Path, pools: list[Pool]) -> None:
        self.settings, self.run, self.pools = settings, run, pools
        self.key = _run_key(settings, pools)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.network = ESDNet(settings.architecture).to(settings.device).train()
            self.heads = Heads(len(CLASS_NAMES), PHENOLOGY_TARGETS).to(settings.device).train()
        self.modules = nn.ModuleDict({"network": self.network, "heads": self.heads})
        self.optimiser = Optimiser(
            self.network, self.heads, learning_rate=settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.step = 0

    def resume(self) -> None:
        """Continue from the checkpoint where there is one."""
        state = self.run / "checkpoint.json"
        if not state.is_file():
            self._cut_metrics()
            return
        content = read_json(state)
        if content["run_key"] != self.key:
            raise OutputError(
                f"got run folder {self.run} of another configuration or other data, expected an empty folder or "
                "a run of this configuration; choose another folder"
            )
        tensors = load_file(self.run / content["tensors"])
        self.modules.load_state_dict(
            {name.removeprefix("modules."): value for name, value in tensors.items() if name.startswith("modules.")}
        )
        self.optimiser.load(
            {name.removeprefix("optimiser."): value for name, value in tensors.items() if name.startswith("optimiser.")}
        )
        self.step = content["step"]
        self._keep_only(content["tensors"])
        self._cut_metrics()

    def optimise(self) -> None:
        """Run the steps that are left."""
        progress = tqdm(
            total=self.settings.steps, initial=self.step, desc="train", unit="step", disable=None, mininterval=1.0
        )
        interval: list[dict[str, float]] = []
        with progress:
            while self.step < self.settings.steps:
                batch = _to_device(draw_batch(self.pools, self.settings, self.step), self.settings.device)
                parts = losses(self.network, self.heads, batch, self.settings)
                self.optimiser.step(parts["loss"], learning_rate(self.settings, self.step), clip=CLIP)
                self.step += 1
                interval.append({name: value.item() for name, value in parts.items()})
                progress.update()
                if self.step % self.settings.log_every == 0 or self.step == self.settings.steps:
                    progress.set_postfix(mae=f"{self._log(interval)['mae']:.4f}")
                    interval = []
                if self.step % self.settings.checkpoint_every == 0:
                    self._checkpoint()

    def finish(self) -> Path:
        """Write weights, card and pictures."""
        label = self.settings.encoder
        weights = self.run / f"{label}.safetensors"
        tensors = {name: value.detach().cpu().contiguous() for name, value in self.network.state_dict().items()}
        with atomic_path(weights) as path:
            # Not `save_file`: killed at it, it leaves a file of its own beside ours.
            path.write_bytes(save(tensors, metadata={"weights_format_version": WEIGHTS_FORMAT_VERSION}))
        card = Card(
            encoder=label,
            sha256=sha256_file(weights),
            weights_format_version=WEIGHTS_FORMAT_VERSION,
            architecture=self.settings.architecture,
            parameters=parameter_count(self.network),
            training=self.settings.as_dict(),
            data=[
                {
                    "name": pool.name,
                    "role": "train",
                    "licence": pool.licence,
                    "pixel_years": len(pool.pentads),
                    "sha256": pool.sha256,
                }
                for pool in self.pools
            ],
        )
        card.write(weights.with_suffix(".json"))
        self._draw_pictures()
        return weights

    def _draw_pictures(self) -> None:
        from stactools_esd.encoder.pictures import draw_examples, draw_losses

        draw_losses(self.run / "metrics.jsonl", self.run / "losses.png")
        self.network.eval()
        count = max(1, 6 // len(self.pools))
        rows = np.concatenate([pool.pentads[:count] for pool in self.pools])[:6]
        present = np.concatenate([pool.present[:count] for pool in self.pools])[:6]
        terrain = np.concatenate([pool.terrain[:count] for pool in self.pools])[:6]
        names = [pool.name for pool in self.pools for _ in range(len(pool.pentads[:count]))][:6]
        inputs = [torch.from_numpy(array).to(self.settings.device) for array in (rows, present, terrain)]
        with torch.inference_mode():
            decoded, _ = self.network(*inputs)
        draw_examples(rows, decoded.cpu().numpy(), names, self.run / "examples.png")

    def _checkpoint(self) -> None:
        """Write tensors under a name of their own, then point to them: a kill between the two loses nothing."""
        tensors = {f"modules.{name}": value for name, value in self.modules.state_dict().items()}
        tensors |= {f"optimiser.{name}": value for name, value in self.optimiser.tensors().items()}
        name = f"checkpoint-{self.step:07d}.safetensors"
        with atomic_path(self.run / name) as path:
            path.write_bytes(save({key: value.detach().cpu().contiguous() for key, value in tensors.items()}))
        write_json(self.run / "checkpoint.json", {"run_key": self.key, "step": self.step, "tensors": name})
        self._keep_only(name)

    def _keep_only(self, name: str) -> None:
        """Remove the tensors of other checkpoints: older ones, and one that a killed run did not come to point to."""
        for old in self.run.glob("checkpoint-*.safetensors"):
            if old.name != name:
                old.unlink()

    def _log(self, interval: list[dict[str, float]]) -> dict[str, float]:
        """Append one line of means to metrics.jsonl and return it."""
        means = {name: sum(part[name] for part in interval) / len(interval) for name in interval[0]}
        line = {"step": self.step, "learning_rate": learning_rate(self.settings, self.step - 1), **means}
        self.run.mkdir(parents=True, exist_ok=True)
        with (self.run / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps({key: round(value, 8) for key, value in line.items()}) + "\n")
        return means

    def _cut_metrics(self) -> None:
        """Drop lines that were written after the checkpoint."""
        path = self.run / "metrics.jsonl"
        if not path.is_file():
            return
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= self.step]
        with atomic_path(path) as temporary:
            temporary.write_text("".join(kept), encoding="utf-8")


def _to_device(batch: Batch, device: str) -> Batch:
    return batch if device == "cpu" else Batch(**{name: value.to(device) for name, value in vars(batch).items()})


def _run_key(settings: TrainingConfig, pools: list[Pool]) -> str:
    """Hash whatever decides the result: configuration and data."""
    digest = hashlib.sha256(json.dumps(settings.as_dict(), sort_keys=True).encode())
    for pool in pools:
        digest.update(f"{pool.name} {pool.sha256}".encode())
    return digest.hexdigest()


@contextmanager
def _torch_threads(threads: int) -> Iterator[None]:
    """Set the number of threads, and give the caller's back."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
