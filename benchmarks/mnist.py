"""Train the same small CNN on MNIST here and with PyTorch, from several seeds, and draw both histories in one figure.

The network is the one of ``convolution.py``: two 3×3 convolutions with batch norm, ReLU and pooling, then a linear
layer, trained by Adam whose rate falls along a cosine. Both sides start from the weights that PyTorch draws for a seed,
and see the same batches in the same order; the data are the four IDX files. The folder gets ``ours-<seed>.json`` and
``torch-<seed>.json``, with a column per figure and a number per epoch, and ``histories.svg``.

    python benchmarks/mnist.py [--data FOLDER] [--out FOLDER] [--seeds 0 1 2] [--epochs 3] [--limit N]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from statistics import mean
from time import perf_counter
from typing import Any

import numpy as np

import nn_core
from nn_core.random import epoch_order

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "mnist"
BATCH, LR = 128, 1e-3
PANELS = {
    "loss": "training loss",
    "accuracy": "training accuracy",
    "val_loss": "test loss",
    "val_accuracy": "test accuracy",
}

Images = tuple[Any, Any]
"""x (N, 1, 28, 28) from 0 to 1, and y (N,)."""


def torch_network(seed: int) -> Any:
    import torch
    from torch import nn

    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1, bias=False),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(3136, 10),
    )


def ours(seed: int, epochs: int, train: Images, test: Images) -> nn_core.History:
    """Return the history of a run of `nn_core.fit`."""
    from nn_core import Flatten, Linear, ReLU, Sequential, fit
    from nn_layers_conv import BatchNorm2d, Conv2d, MaxPool2d

    model = Sequential(
        Conv2d(1, 32, 3, padding=1, bias=False),
        BatchNorm2d(32),
        ReLU(),
        MaxPool2d(2),
        Conv2d(32, 64, 3, padding=1, bias=False),
        BatchNorm2d(64),
        ReLU(),
        MaxPool2d(2),
        Flatten(),
        Linear(3136, 10),
    )
    model.load_state_dict(torch_network(seed).state_dict())
    return fit(
        model,
        train,
        loss="cross_entropy",
        optimizer={"type": "adam", "lr": LR},
        scheduler={"type": "cosine_annealing_lr", "per": "batch"},
        epochs=epochs,
        batch_size=BATCH,
        validation=test,
        metrics=["accuracy"],
        seed=seed,
        callbacks=["progress_bar"],
    )


def theirs(seed: int, epochs: int, train: Images, test: Images) -> nn_core.History:
    """Return the history of the same run in PyTorch."""
    import torch
    from torch import nn

    model, history = torch_network(seed), nn_core.History()
    optimizer, loss_fn = torch.optim.Adam(model.parameters(), lr=LR), nn.CrossEntropyLoss()
    x, y = map(torch.from_numpy, train)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * -(-len(x) // BATCH))
    for epoch in range(epochs):
        start = perf_counter()
        order = torch.from_numpy(epoch_order(len(x), seed, epoch))
        sums = np.zeros(2)
        model.train()
        for rows in order.split(BATCH):
            optimizer.zero_grad()
            logits = model(x[rows])
            loss = loss_fn(logits, y[rows])
            loss.backward()
            optimizer.step()
            scheduler.step()
            sums += [loss.item() * len(rows), int((logits.argmax(1) == y[rows]).sum())]
        row = {"epoch": epoch + 1, "loss": sums[0] / len(x), "accuracy": sums[1] / len(x)}
        row |= scores(model.eval(), *map(torch.from_numpy, test))
        history.append({**row, "seconds": perf_counter() - start})
        print("  ".join(f"{name} {value:.4g}" for name, value in history.rows[-1].items()), flush=True)
    return history


def scores(model: Any, x: Any, y: Any) -> dict[str, float]:
    import torch

    with torch.no_grad():
        logits = torch.cat([model(part) for part in x.split(500)])
        loss = torch.nn.functional.cross_entropy(logits, y)
    return {"val_loss": float(loss), "val_accuracy": float((logits.argmax(1) == y).float().mean())}


def draw(runs: dict[str, list[nn_core.History]], path: Path) -> None:
    """Draw a panel per figure of merit: each run as a thin line, and the mean of a side's seeds as a thick one."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(10, 6.4), layout="constrained")
    for i, (column, title) in enumerate(PANELS.items(), 1):
        axes = figure.add_subplot(2, 2, i, title=title, xlabel="epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        for (name, histories), color, style in zip(runs.items(), ("tab:blue", "tab:orange"), ("-", "--"), strict=True):
            for history in histories:
                axes.plot(history["epoch"], history[column], style, color=color, linewidth=0.8, alpha=0.5)
            average = np.mean([history[column] for history in histories], axis=0)
            label = f"{name}, {average[-1]:.4f} at the end"
            axes.plot(histories[0]["epoch"], average, style, color=color, marker="o", markersize=4, label=label)
        axes.legend(fontsize="small")
        axes.grid(alpha=0.3)
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--out", type=Path, default=Path("runs/mnist-comparison"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--limit", type=int, help="of training images")
    options = parser.parse_args()

    from nn_data import mnist

    train, test = ((part.x, part.y) for part in mnist(path=options.data))
    train = (train[0][: options.limit], train[1][: options.limit])
    options.out.mkdir(parents=True, exist_ok=True)
    sides: dict[str, Callable[..., nn_core.History]] = {"ours": ours, "torch": theirs}
    runs: dict[str, list[nn_core.History]] = {side: [] for side in sides}
    for seed in options.seeds:
        for side, run in sides.items():
            print(f"{side}, seed {seed}", flush=True)
            history = run(seed, options.epochs, train, test)
            history.to_json(options.out / f"{side}-{seed}.json")
            runs[side].append(history)
    draw({"nn-core": runs["ours"], "PyTorch": runs["torch"]}, options.out / "histories.svg")
    for side, histories in runs.items():
        last = [history["val_accuracy"][-1] for history in histories]
        print(f"{side}: test accuracy {mean(last):.2%} over {len(last)} seeds, {', '.join(f'{a:.2%}' for a in last)}")
    differences = [
        abs(one["val_accuracy"][-1] - other["val_accuracy"][-1])
        for one, other in zip(runs["ours"], runs["torch"], strict=True)
    ]
    print(f"largest difference of a seed: {100 * max(differences):.2f} points; the files are in {options.out}")


if __name__ == "__main__":
    main()
