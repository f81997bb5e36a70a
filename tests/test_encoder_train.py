"""Training: results, resuming, and refusals, with a tiny network on simulation."""

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from stactools_esd.encoder import batches, load_encoder, real_sets, train  # noqa: E402
from stactools_esd.encoder.config import TrainingConfig, read_config  # noqa: E402
from stactools_esd.errors import ConfigError, OutputError  # noqa: E402
from stactools_esd.files import sha256_file  # noqa: E402

TINY = """
encoder: tiny-v1
seed: 3
steps: 12
simulated_years: 64
batch_size: 16
warmup_steps: 2
architecture: {width: 24, step_width: 24, dilations: [1, 2]}
log_every: 2
checkpoint_every: 4
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration that trains in a second."""
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    return path


def test_run_leaves_weights_card_metrics_and_pictures(config: Path, tmp_path: Path) -> None:
    """A run on simulation alone needs no data and leaves an encoder that loads."""
    weights = train.train(config, tmp_path / "run")
    encoder = load_encoder(weights)
    assert encoder.identity.label == "tiny-v1"
    assert encoder.card.training["seed"] == 3
    assert [entry["name"] for entry in encoder.card.data] == ["simulation"]
    codes = encoder.encode(np.full((2, 365, 6), 0.2, dtype=np.float32))
    assert codes.shape == (2, 12)
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4, 6, 8, 10, 12]
    assert all(np.isfinite(line["loss"]) for line in lines)
    for picture in ("losses.png", "examples.png"):
        assert (tmp_path / "run" / picture).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("dies_at", "resumes_at"), [(3, 0), (7, 4)])
def test_killed_run_continues_to_the_same_result(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies_at: int, resumes_at: int
) -> None:
    """A run that dies between checkpoints and is started again ends with the same weights and metrics."""
    whole = train.train(config, tmp_path / "whole")
    draw = train.draw_batch
    steps: list[int] = []

    def dying(pools: list[batches.Pool], settings: TrainingConfig, step: int) -> batches.Batch:
        if step == dies_at:
            raise KeyboardInterrupt
        return draw(pools, settings, step)

    def counting(pools: list[batches.Pool], settings: TrainingConfig, step: int) -> batches.Batch:
        steps.append(step)
        return draw(pools, settings, step)

    monkeypatch.setattr(train, "draw_batch", dying)
    with pytest.raises(KeyboardInterrupt):
        train.train(config, tmp_path / "killed")
    monkeypatch.setattr(train, "draw_batch", counting)
    resumed = train.train(config, tmp_path / "killed")
    assert steps == list(range(resumes_at, 12))
    assert sha256_file(resumed) == sha256_file(whole)
    metrics = [(tmp_path / run / "metrics.jsonl").read_text() for run in ("whole", "killed")]
    assert metrics[0] == metrics[1]


def test_finished_run_is_not_trained_again(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting a finished run again writes the same weights without a step, and clears what a kill left beside them."""
    first = sha256_file(train.train(config, tmp_path / "run"))
    whole = sorted(path.name for path in (tmp_path / "run").iterdir())
    (tmp_path / "run" / "checkpoint-0000004.safetensors").write_bytes(b"the one before, of a run that was killed here")
    monkeypatch.setattr(train, "losses", None)
    assert sha256_file(train.train(config, tmp_path / "run")) == first
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == whole


def test_run_of_another_configuration_is_refused(config: Path, tmp_path: Path) -> None:
    """A run folder is never continued with another configuration."""
    train.train(config, tmp_path / "run")
    config.write_text(TINY.replace("seed: 3", "seed: 4"))
    with pytest.raises(OutputError, match="another configuration"):
        train.train(config, tmp_path / "run")


def test_a_file_is_no_run_folder(config: Path, tmp_path: Path) -> None:
    """A run folder that is a file is refused at once, in one line."""
    (tmp_path / "run").write_text("something")
    with pytest.raises(OutputError, match="expected a folder"):
        train.train(config, tmp_path / "run")


def test_unknown_keys_leave_nothing_behind(config: Path, tmp_path: Path) -> None:
    """A wrong configuration is refused before a run folder is made."""
    config.write_text(TINY + "stepz: 3\n")
    with pytest.raises(ConfigError, match="unknown key stepz"):
        train.train(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_missing_device_is_refused(config: Path, tmp_path: Path) -> None:
    """A configuration for CUDA on a machine without it says so in one line."""
    config.write_text(TINY + "device: cuda\n")
    with pytest.raises(ConfigError, match="CUDA"):
        train.train(config, tmp_path / "run")


def test_training_leaves_torch_as_it_was(config: Path, tmp_path: Path) -> None:
    """Number of threads and random state of the caller survive a training."""
    threads, state = torch.get_num_threads(), torch.random.get_rng_state()
    train.train(config, tmp_path / "run")
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.random.get_rng_state(), state)


def test_batches_depend_on_seed_and_step_alone(config: Path) -> None:
    """The batch of a step can be drawn again, and differs from that of the next."""
    settings = read_config(config)
    pools = batches.gather(settings, None)
    one, again, other = (batches.draw_batch(pools, settings, step) for step in (5, 5, 6))
    torch.testing.assert_close(one.seen, again.seen, rtol=0, atol=0)
    torch.testing.assert_close(one.present, again.present, rtol=0, atol=0)
    assert not torch.equal(one.seen, other.seen)


def test_real_series_make_their_share_of_a_batch(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Real training sets are drawn as often as `real_share` says, without labels, and bring their licence."""
    monkeypatch.setattr(batches, "names", lambda role: ["east_africa_2017"])
    path = tmp_path / real_sets.REAL_SETS["east_africa_2017"].path
    path.parent.mkdir()
    dates = np.datetime64("2017-01-15") + 30 * np.arange(12)
    np.savez(path, X=np.full((9, 12, 6), 0.25, dtype=np.float32), dates=np.tile(dates, (9, 1)))
    config.write_text(TINY.replace("batch_size: 16", "batch_size: 400") + "real_share: 0.25\n")
    settings = read_config(config)
    simulated, real = batches.gather(settings, tmp_path)
    assert (simulated.share, real.share) == (0.75, 0.25)
    assert (real.name, real.licence, len(real.pentads)) == ("east_africa_2017", "MIT", 9)
    batch = batches.draw_batch([simulated, real], settings, 0)
    unlabelled = batch.class_id < 0
    assert 60 < int(unlabelled.sum()) < 140
    assert batch.phenology[unlabelled].isnan().all()
    torch.testing.assert_close(batch.clean[unlabelled], torch.full_like(batch.clean[unlabelled], 0.25))


def test_phenology_targets_follow_the_window() -> None:
    """A window that starts k pentads later sees every day of the season 5 k days earlier; unknown days stay unknown."""
    truth = torch.tensor([[100.0, 200.0, 300.0, 4.0, 0.5, 0.4], [float("nan")] * 3 + [0.0, 0.0, 0.1]])
    moved = batches.phenology_targets(truth, torch.tensor([10, 0]))
    earlier = batches.phenology_targets(truth - torch.tensor([50.0] * 3 + [0.0] * 3), torch.tensor([0, 0]))
    torch.testing.assert_close(moved[0], earlier[0])
    assert moved[1, :6].isnan().all()
    assert not moved[:, 6:].isnan().any()
