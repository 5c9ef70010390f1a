"""The installed command with all distributions: training, evaluating, predicting, and what a user can get wrong."""

from __future__ import annotations

import csv
import gzip
import importlib.util
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

ROOT = Path(__file__).parents[2]
COMMAND = Path(sysconfig.get_path("scripts")) / "nn-cli"
TINY = """
# A comment that the run folder need not keep.
[data]
type = "digits"
batch_size = 64
[model]
layers = [
  { type = "conv2d", out_channels = 4, kernel_size = 3 },
  { type = "batch_norm2d" },
  { type = "relu" },
  { type = "max_pool2d", kernel_size = 2 },
  { type = "flatten" },
  { type = "linear", out_features = 10 },
]
[loss]
type = "cross_entropy"
[optimizer]
type = "adam"
lr = 1e-2
[train]
epochs = 50
metrics = ["accuracy"]
"""


def environment() -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("NN_")}
    return clean | {"PYTHONIOENCODING": "utf-8"}


def nn_cli(*words: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, *map(str, words)], cwd=cwd, env=environment(), capture_output=True, text=True, encoding="utf-8"
    )


def failure(*words: object, cwd: Path, code: int) -> str:
    """Return what the command says of a mistake: one or two plain sentences after its name, and nothing else."""
    done = nn_cli(*words, cwd=cwd)
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    [message] = [line for line in done.stderr.splitlines() if not line.endswith(" parameters in Sequential")]
    assert message.startswith("nn-cli: ")
    assert message.endswith((".", "?"))
    assert 1 <= len(re.findall(r"[.?!](?= [A-Z]|$)", message)) <= 2
    return message.removeprefix("nn-cli: ")


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the experiment ``tiny.toml`` and the ``run`` that came of two epochs of it."""
    folder = tmp_path_factory.mktemp("workplace")
    (folder / "tiny.toml").write_text(TINY, encoding="utf-8")
    words = ["--set", "train.epochs=2", "--set", "data.validation=0.1"]
    done = nn_cli("train", "tiny.toml", "--out", "run", *words, cwd=folder)
    assert done.returncode == 0, done.stderr
    (folder / "said.txt").write_text(done.stdout, encoding="utf-8")
    return folder


@pytest.fixture
def damaged(workplace: Path, tmp_path: Path) -> Path:
    """A copy of the run, to be damaged."""
    return Path(shutil.copytree(workplace / "run", tmp_path / "run"))


# Training


def test_a_run_folder_holds_configuration_history_and_two_models(workplace):
    assert sorted(path.name for path in (workplace / "run").iterdir()) == [
        "best.safetensors",
        "config.toml",
        "history.csv",
        "last.safetensors",
    ]
    history = rows(workplace / "run" / "history.csv")
    assert list(history[0]) == ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds"]
    assert [row["epoch"] for row in history] == ["1", "2"]
    assert float(history[1]["loss"]) < float(history[0]["loss"]) < 2.5
    assert 0 < float(history[1]["seconds"]) < 60


def test_the_saved_configuration_is_that_of_the_file_with_overrides_and_defaults(workplace):
    saved = tomllib.loads((workplace / "run" / "config.toml").read_text(encoding="utf-8"))
    given = tomllib.loads(TINY)
    assert saved == given | {
        "seed": 0,
        "data": given["data"] | {"validation": 0.1},
        "train": given["train"] | {"epochs": 2},
    }


def test_the_saved_models_carry_weights_and_statistics_under_their_bare_keys(workplace):
    for name in ("last", "best"):
        state = load_file(workplace / "run" / f"{name}.safetensors")
        weights = {key: array for key, array in state.items() if not key.startswith("@")}  # beside those of the run
        assert {key: array.shape for key, array in weights.items()} == {
            "0.weight": (4, 1, 3, 3),
            "0.bias": (4,),
            "1.weight": (4,),
            "1.bias": (4,),
            "1.running_mean": (4,),
            "1.running_var": (4,),
            "1.num_batches_tracked": (),
            "5.weight": (10, 36),
            "5.bias": (10,),
        }
    assert state["1.num_batches_tracked"] > 0


def test_the_same_seed_gives_the_same_history_and_the_same_weights(workplace, tmp_path):
    done = nn_cli("train", workplace / "run" / "config.toml", "--out", "again", cwd=tmp_path)
    assert done.stdout.replace("again", "run") == (workplace / "said.txt").read_text(encoding="utf-8")
    old, new = (
        [{**row, "seconds": ""} for row in rows(f / "history.csv")] for f in (workplace / "run", tmp_path / "again")
    )
    assert old == new
    for name in ("best.safetensors", "config.toml"):
        assert (tmp_path / "again" / name).read_bytes() == (workplace / "run" / name).read_bytes()
    again, first = (load_file(folder / "last.safetensors") for folder in (tmp_path / "again", workplace / "run"))
    assert again.keys() == first.keys()
    for name, array in first.items():
        assert name == "@run" or np.array_equal(array, again[name]), name


def test_another_seed_gives_other_weights(workplace, tmp_path):
    nn_cli("train", workplace / "run" / "config.toml", "--out", "other", "--set", "seed=1", cwd=tmp_path)
    new, old = (load_file(folder / "last.safetensors") for folder in (tmp_path / "other", workplace / "run"))
    assert not np.allclose(new["5.weight"], old["5.weight"])


@pytest.mark.parametrize("example", sorted(path.name for path in (ROOT / "examples").glob("digits-*.toml")))
def test_an_example_on_digits_trains(tmp_path, example):
    done = nn_cli("train", ROOT / "examples" / example, "--set", "train.epochs=1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    folder = Path("runs") / f"{example.removesuffix('.toml')}-1"
    assert done.stdout.splitlines()[-1] == f"saved in {folder}"
    assert (tmp_path / folder / "last.safetensors").is_file()
    accuracy = re.search(r"test accuracy (\d+\.\d\d) % \(360 samples\)", done.stdout)
    assert accuracy is not None
    assert float(accuracy[1]) > 50


def heed_interruptions() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # tests that run in the background inherit that it is ignored


@pytest.mark.skipif(sys.platform == "win32", reason="sends the signal of Ctrl-C as POSIX does")
def test_an_interrupted_training_keeps_the_epochs_that_were_finished(workplace, tmp_path):
    words = ["train", workplace / "tiny.toml", "--out", "run", "--set", "train.epochs=1000"]
    with subprocess.Popen(
        [COMMAND, *map(str, words)],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_interruptions,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.split()[:2] == ["epoch", "2/1000"]:
                break
        process.send_signal(signal.SIGINT)
        said, complaint = process.communicate()
    assert (process.returncode, said) == (130, "")
    assert "Traceback" not in complaint
    assert complaint.splitlines()[-1] == "nn-cli: interrupted"
    assert "saved in run; go on with: nn-cli train --resume run" in complaint
    finished = len(rows(tmp_path / "run" / "history.csv"))
    assert finished >= 1
    assert "(360 samples)" in nn_cli("evaluate", "run", cwd=tmp_path).stdout
    done = nn_cli("train", "--resume", "run", "--set", f"train.epochs={finished + 1}", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [row["epoch"] for row in rows(tmp_path / "run" / "history.csv")] == list(map(str, range(1, finished + 2)))


def test_a_training_that_diverges_says_so_and_what_to_do(workplace, tmp_path):
    words = ["--out", "run", "--set", "optimizer={type='sgd', lr=1e30}", "--set", "train.epochs=2"]
    done = nn_cli("train", workplace / "tiny.toml", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    message = done.stderr.splitlines()[-1]
    assert re.search(
        r"Training diverged: the loss became (nan|inf)\. Try a smaller optimizer\.lr; .* in run\.", message
    )
    assert "Warning" not in done.stderr


# Evaluating and predicting


def test_evaluation_prints_the_figures_that_training_ended_with(workplace):
    done = nn_cli("evaluate", "run", cwd=workplace)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == (workplace / "said.txt").read_text(encoding="utf-8").splitlines()[:-1]
    assert re.fullmatch(
        r"test loss \d\.\d{4} \(360 samples\)\ntest accuracy \d\d\.\d\d % \(360 samples\)\n", done.stdout
    )


def test_predictions_are_probabilities_whose_largest_is_the_label_and_agree_with_the_evaluation(workplace, tmp_path):
    done = nn_cli("predict", "run", "--out", tmp_path / "p.csv", cwd=workplace)
    assert (done.returncode, done.stdout) == (0, "")
    table = rows(tmp_path / "p.csv")
    names = [f"p_{i}" for i in range(10)]
    assert list(table[0]) == ["index", "target", "label", *names]
    assert [int(row["index"]) for row in table] == list(range(360))
    p = np.array([[float(row[name]) for name in names] for row in table])
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
    assert [int(row["label"]) for row in table] == p.argmax(axis=1).tolist()
    figures = json.loads(nn_cli("evaluate", "run", "--json", cwd=workplace).stdout)
    assert figures["samples"] == 360
    assert np.mean([row["label"] == row["target"] for row in table]) == figures["accuracy"]
    targets = np.array([int(row["target"]) for row in table])
    assert -np.log(p[np.arange(360), targets]).mean() == pytest.approx(figures["loss"], rel=1e-5)


def test_predictions_go_to_standard_output_as_well(workplace):
    done = nn_cli("predict", "run", cwd=workplace)
    assert len(done.stdout.splitlines()) == 361
    assert done.stderr == ""


def test_the_saved_model_computes_the_same_in_python(workplace):
    import nn_core
    from nn_data import digits

    _, test = digits()
    scores = nn_core.evaluate(nn_core.load(workplace / "run" / "last.safetensors"), test, loss="cross_entropy",
                              metrics=["accuracy"])  # fmt: skip
    assert json.loads(nn_cli("evaluate", "run", "--json", cwd=workplace).stdout) == {"samples": 360, **scores}


# What a user can get wrong: the words


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("train.epochs='3'", ["train.epochs must be an integer, got '3'"]),
        ("train.epochs=2.5", ["train.epochs must be an integer, got 2.5"]),
        ("train.epochs=true", ["train.epochs must be an integer, got True"]),
        ("train.epochs=0", ["train.epochs must be at least 1, got 0"]),
        ("optimizer.lr='1e-3'", ["optimizer.lr must be a number, got '1e-3'"]),
        ("optimizer.lr=-1", ["[optimizer] lr of Adam", "at least 0, got -1"]),
        ("optimizer.betas=[0.9]", ["optimizer.betas must be a list of 2 numbers, got [0.9]"]),
        ("data.test_size='half'", ["data.test_size must be a number, got 'half'"]),
        ("data.batch_size=64.0", ["data.batch_size must be an integer, got 64.0"]),
        ("model.layers.0.kernel_size='3'", ["model.layers[0].kernel_size must be an integer or a list of integers"]),
        ("model.layers.0.kernel_size=[3, 3, 3]", ["model.layers[0]: kernel_size of Conv2d", "got (3, 3, 3)"]),
        ("model.layers.0.kernel_size=0", ["model.layers[0]: kernel_size of Conv2d must be a positive integer"]),
        ("model.layers.1.eps='x'", ["model.layers[1].eps must be a number, got 'x'"]),
        ("loss.reduction='max'", ["loss.reduction must be one of 'mean', 'sum', 'none', got 'max'"]),
        ("seed=-1", ["seed must be at least 0, got -1"]),
        ("train.epoch=3", ["train.epoch is unknown", "Did you mean 'epochs'?"]),
        ("trian.epochs=3", ["trian is unknown", "Did you mean 'train'?"]),
        ("data.test_sise=0.1", ["data.test_sise is no option of the dataset 'digits'", "Did you mean 'test_size'?"]),
        ("data.batch_sise=3", ["data.batch_sise is no option", "Did you mean 'batch_size'?"]),
        ("optimizer.learning_rate=1", ["optimizer.learning_rate is no option", "lr, betas, eps, weight_decay"]),
        ("model.layers.0.kernal_size=3", ["model.layers[0].kernal_size is no option", "Did you mean 'kernel_size'?"]),
        ("model.layers.0.type='conv2'", ["model.layers[0].type cannot be 'conv2'", "Did you mean 'conv2d' or"]),
        ("data.type='digit'", ["data.type cannot be 'digit'", "Did you mean 'digits'?"]),
        ("optimizer.type='adma'", ["optimizer.type cannot be 'adma'", "Did you mean 'adamax' or 'adam'"]),
        ("loss.type='crossentropy'", ["loss.type cannot be 'crossentropy'", "Did you mean 'cross_entropy'"]),
        ("train.metrics=['acuracy']", ["train.metrics[0] cannot be 'acuracy'", "Did you mean 'accuracy'"]),
        ("train.metrics='accuracy'", ["train.metrics must be a list, got 'accuracy'"]),
        ("model.layers.9.p=1", ["--set model.layers.9.p=1", "the list is shorter; its last entry is 5"]),
        ("model.layers[0].kernel_size=0", ["model.layers[0]: kernel_size of Conv2d must be a positive integer"]),
        ("epochs", ["--set takes key=value", "got 'epochs'"]),
    ],
)
def test_a_wrong_setting_is_named_with_its_value_and_the_remedy(workplace, tmp_path, override, said):
    message = failure(
        "train", workplace / "tiny.toml", "--out", tmp_path / "run", "--set", override, cwd=tmp_path, code=2
    )
    assert all(phrase in message for phrase in said), message
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("override", "said"),
    [
        (
            "model.layers.5.in_features=7",
            ["model.layers[5] (linear): expected 7 features on the last axis, got 36", "from flatten", "set it to 36"],
        ),
        (
            "model.layers.0.in_channels=3",
            ["model.layers[0] (conv2d): expected 3 channels on axis 1, got 1", "set it to 1"],
        ),
        ("model.layers.1.num_features=5", ["model.layers[1] (batch_norm2d): expected 5 channels", "got 4"]),
        ("model.layers.0.kernel_size=30", ["model.layers[0] (conv2d)", "(30, 30)", "8×8"]),
        ("model.layers.2={type='flatten'}", ["model.layers[3] (max_pool2d): expected", "(N, C, H, W)", "from flatten"]),
        (
            "model.layers.2={type='sequential', layers=[{type='relu'}, {type='batch_norm2d', num_features=9}]}",
            ["model.layers[2].layers[1] (batch_norm2d): expected 9 channels on axis 1, got 4 from relu"],
        ),
    ],
)
def test_shapes_that_do_not_fit_name_the_layer_what_it_got_and_what_it_needs(workplace, tmp_path, override, said):
    message = failure(
        "train", workplace / "tiny.toml", "--out", tmp_path / "run", "--set", override, cwd=tmp_path, code=2
    )
    assert all(phrase in message for phrase in said), message
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "There is no configuration file"),
        (b"[data\n", "is not valid TOML"),
        (b"\xff\xfe\x00", "is not valid TOML"),
        (b"[data]\ntype = digits\n", "is not valid TOML: Invalid value (at line 2, column 8)"),
    ],
)
def test_a_missing_or_malformed_configuration_is_an_error(tmp_path, content, said):
    if content is not None:
        (tmp_path / "mine.toml").write_bytes(content)
    message = failure("train", "mine.toml", cwd=tmp_path, code=2)
    assert "mine.toml" in message
    assert said in message


def test_several_mistakes_are_told_at_once_one_per_line(workplace, tmp_path):
    words = ["--set", "train.epochs='3'", "--set", "optimizer.type='adma'", "--set", "data.sed=1"]
    done = nn_cli("train", workplace / "tiny.toml", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    heading, *lines = done.stderr.splitlines()
    assert heading == f"nn-cli: {workplace / 'tiny.toml'}:"
    assert [line.split()[0] for line in lines] == ["train.epochs", "data.sed", "optimizer.type"]


def test_more_classes_than_outputs_is_an_error(workplace, tmp_path):
    words = ["--set", "model.layers.5.out_features=5", "--set", "train.epochs=1"]
    message = failure("train", workplace / "tiny.toml", *words, cwd=tmp_path, code=1)
    assert re.search(r"target [5-9] of sample \d+ is not one of the 5 classes", message)


# What a user can get wrong: files


def test_an_output_folder_that_is_in_use_or_cannot_be_made_is_an_error(workplace, tmp_path):
    def message(out: Path, code: int) -> str:
        return failure(
            "train", workplace / "tiny.toml", "--set", "train.epochs=1", "--out", out, cwd=tmp_path, code=code
        )

    before = {path.name: path.read_bytes() for path in (workplace / "run").iterdir()}
    assert f"{workplace / 'run'} is in use" in message(workplace / "run", 2)
    assert {path.name: path.read_bytes() for path in (workplace / "run").iterdir()} == before
    assert "is in use" in message(workplace / "tiny.toml", 2)
    in_the_way = message(workplace / "tiny.toml" / "run", 1)
    assert f"The run cannot be written to {workplace / 'tiny.toml' / 'run'}" in in_the_way
    assert "--out" in in_the_way


@pytest.mark.parametrize("command", ["evaluate", "predict"])
def test_a_folder_without_a_run_is_an_error(workplace, tmp_path, command):
    for path in (tmp_path, tmp_path / "nowhere", workplace / "tiny.toml"):
        assert failure(command, path, cwd=tmp_path, code=2).startswith(f"{path} is not a run folder")


@pytest.mark.parametrize("command", ["evaluate", "predict"])
@pytest.mark.parametrize("length", [0, 4, 200, -1])
def test_a_truncated_model_file_is_an_error(damaged, command, length):
    path = damaged / "last.safetensors"
    path.write_bytes(path.read_bytes()[:length])
    assert f"{path} is not a complete safetensors file" in failure(command, damaged, cwd=damaged, code=1)


def test_a_missing_or_foreign_model_file_is_an_error(damaged):
    path = damaged / "last.safetensors"
    path.write_bytes(b"PK\x03\x04" * 100)
    assert "is not a complete safetensors file" in failure("evaluate", damaged, cwd=damaged, code=1)
    path.unlink()
    assert f"There is no model file {path}." in failure("evaluate", damaged, cwd=damaged, code=1)
    assert nn_cli("evaluate", damaged, "--weights", "best", cwd=damaged).returncode == 0


def test_a_damaged_configuration_of_a_run_is_an_error(damaged):
    (damaged / "config.toml").write_text("[data", encoding="utf-8")
    assert "config.toml is not valid TOML" in failure("evaluate", damaged, cwd=damaged, code=2)


@pytest.mark.parametrize("out", [".", "nowhere/p.csv", "config.toml/p.csv"])
def test_predictions_that_cannot_be_written_are_an_error(damaged, out):
    assert failure("predict", ".", "--out", out, cwd=damaged, code=1).startswith(f"{out} cannot be written: ")


# What a user can get wrong: data


def make_mnist(folder: Path, size: int = 28, n: int = 32) -> Path:
    """Write MNIST's four files with random images of size×size pixels."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    for part in ("train", "t10k"):
        for name, array in (
            ("images-idx3", rng.integers(0, 256, (n, size, size), np.uint8)),
            ("labels-idx1", rng.integers(0, 10, n).astype(np.uint8)),
        ):
            header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
            (folder / f"{part}-{name}-ubyte.gz").write_bytes(gzip.compress(header + array.tobytes(), mtime=0))
    return folder


MNIST = ["train", ROOT / "examples" / "mnist-cnn.toml", "--set", "train.epochs=1", "--out", "run"]


def test_mnist_trains_from_a_folder_named_on_the_command_line(tmp_path):
    make_mnist(tmp_path / "mnist")
    done = nn_cli(*MNIST, "--set", "data.path=mnist", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "32 training samples, 32 test samples" in done.stderr
    assert "(32 samples)" in nn_cli("evaluate", "run", cwd=tmp_path).stdout
    (tmp_path / "mnist").rename(tmp_path / "elsewhere")
    assert failure("evaluate", "run", cwd=tmp_path, code=1).startswith("There is no folder mnist; path must")
    assert "(32 samples)" in nn_cli("evaluate", "run", "--set", "data.path=elsewhere", cwd=tmp_path).stdout


def test_data_that_is_missing_or_damaged_is_an_error_that_names_the_file(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("NN_DATA_DIR", str(tmp_path / "file"))  # so that nothing is downloaded
    message = failure(*MNIST, cwd=tmp_path, code=1)
    assert "mnist cannot be downloaded to" in message
    assert "name their folder with path=" in message
    words = [*MNIST, "--set", "data.path=mnist"]
    assert "There is no folder mnist; path" in failure(*words, cwd=tmp_path, code=1)
    labels = make_mnist(tmp_path / "mnist") / "t10k-labels-idx1-ubyte.gz"
    whole = labels.read_bytes()
    labels.write_bytes(whole[:-5])
    assert f"{Path('mnist') / labels.name} is damaged or truncated" in failure(*words, cwd=tmp_path, code=1)
    labels.write_bytes(gzip.decompress(whole)[:-5])
    message = failure(*words, cwd=tmp_path, code=1)
    assert f"{Path('mnist') / labels.name} should hold 32 bytes of values after byte 8, for the shape (32,)" in message
    assert "it ends after 27" in message
    labels.write_bytes(b"<html>not found</html>")
    assert "is not an IDX file: it begins with 3c 68 74 6d" in failure(*words, cwd=tmp_path, code=1)
    labels.unlink()
    assert "mnist holds no t10k-labels-idx1-ubyte.gz" in failure(*words, cwd=tmp_path, code=1)
    assert not (tmp_path / "run").exists()


def test_data_of_another_shape_than_the_model_was_trained_on_is_an_error(workplace, tmp_path):
    words = ["--set", "data={type='mnist', path='mnist'}"]
    make_mnist(tmp_path / "mnist", size=12)
    message = failure("evaluate", workplace / "run", *words, cwd=tmp_path, code=2)
    assert "model.layers[5] (linear): expected 36 features on the last axis, got 100" in message


@pytest.mark.parametrize("size", ["0", "1797", "1.0", "-5", "2.5"])
def test_a_test_set_that_leaves_nothing_is_an_error(workplace, tmp_path, size):
    message = failure("train", workplace / "tiny.toml", "--set", f"data.test_size={size}", cwd=tmp_path, code=1)
    assert f"test_size must be a share or a number that leaves no part of the 1797 samples empty, got {size}" in message


# In a terminal


def in_a_terminal(*words: object, cwd: Path) -> tuple[int, str]:
    """Run the command with a pseudo-terminal of 100 columns around it and return its exit code and all it showed."""
    import fcntl
    import pty
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    with subprocess.Popen(
        [COMMAND, *map(str, words)], cwd=cwd, env=environment(), stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                chunk = os.read(ours, 1 << 16)
            except OSError:  # Linux reports the end of a terminal as an error
                break
            if not chunk:
                break
            shown += chunk
    os.close(ours)
    return process.returncode, shown.decode("utf-8")


needs_terminal = pytest.mark.skipif(
    importlib.util.find_spec("termios") is None, reason="there are no pseudo-terminals here"
)


@needs_terminal
def test_in_a_terminal_a_bar_moves_and_the_final_accuracy_stands_at_the_end(workplace, tmp_path):
    code, shown = in_a_terminal(
        "train", workplace / "tiny.toml", "--set", "train.epochs=2", "--set", "data.batch_size=16", cwd=tmp_path
    )
    assert code == 0
    for epoch in (1, 2):
        steps = re.findall(rf"epoch {epoch}/2 [^\r\n]*?(\d+)/90", shown)
        assert steps[0] == "0"
        assert steps[-1] == "90"
    assert re.search(r"epoch 2/2  loss \d\.\d{4}  accuracy 0\.\d{4}  █+ 90/90", shown)
    *_, loss, accuracy, saved = shown.splitlines()
    assert loss.startswith("test loss ")
    assert re.fullmatch(r"test accuracy \d\d\.\d\d % \(360 samples\)", accuracy)
    assert saved == f"saved in {Path('runs') / 'tiny-1'}"


@needs_terminal
def test_in_a_terminal_the_list_fits_its_width(tmp_path):
    code, shown = in_a_terminal("list", cwd=tmp_path)
    lines = [re.sub(r"\x1b\[\d*m", "", line) for line in shown.splitlines()]
    assert code == 0
    assert max(len(line) for line in lines) <= 100
    assert "initializer  torch_linear" in "\n".join(lines)


def test_without_a_terminal_there_is_one_plain_line_per_epoch(workplace, tmp_path):
    done = nn_cli("train", workplace / "tiny.toml", "--set", "train.epochs=2", cwd=tmp_path)
    assert "\r" not in done.stderr
    assert "\x1b" not in done.stderr + done.stdout
    assert len(done.stderr.splitlines()) == 3


# Everything that is installed


def test_the_list_shows_every_component_of_the_five_distributions(tmp_path):
    parts = json.loads(nn_cli("list", "--json", cwd=tmp_path).stdout)
    found = {(part["kind"], part["name"], part["distribution"]) for part in parts}
    assert found >= {
        ("layer", "conv2d", "nn-layers-conv"),
        ("layer", "linear", "nn-core"),
        ("loss", "cross_entropy", "nn-core"),
        ("optimizer", "adam", "nn-optim"),
        ("dataset", "digits", "nn-data"),
        ("dataset", "mnist", "nn-data"),
        ("command", "train", "nn-cli"),
    }
    assert all(part["summary"].endswith(".") for part in parts)


def test_every_first_party_plugin_is_ok_and_every_component_can_be_imported(tmp_path):
    done = nn_cli("plugins", "--check", "--json", cwd=tmp_path)
    records = {record["distribution"]: record for record in json.loads(done.stdout)}
    for name in ("nn-cli", "nn-core", "nn-data", "nn-layers-conv", "nn-optim"):
        assert (records[name]["status"], records[name]["reason"]) == ("ok", "")


def test_every_first_party_component_can_be_explained(tmp_path):
    program = (
        "import sys\nfrom nn_cli.main import cli\nimport nn_core\n"
        "for part in nn_core.components():\n"
        "    cli.main(['info', part.qualified_name], prog_name='nn-cli', standalone_mode=False)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], env=environment(), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "`" not in done.stdout
    assert ">>>" not in done.stdout


def test_a_convolution_is_explained_by_its_equation_its_shapes_and_its_arguments(tmp_path):
    text = nn_cli("info", "conv2d", cwd=tmp_path).stdout
    assert "yₙₒ = bₒ + Σ꜀ Wₒ꜀ ⋆ xₙ꜀" in text
    assert "x (N, C, H, W) → y (N, O, Ho, Wo)" in text
    table = [line.split(None, 1) for line in text.partition("MEANING\n")[2].splitlines()]
    assert [argument for argument, _ in table] == [
        "in_channels",
        "out_channels",
        "kernel_size",
        "stride",
        "padding",
        "dilation",
        "groups",
        "bias",
        "padding_mode",
        "init",
    ]
    assert re.fullmatch(r"int +required +O, the number of filters", dict(table)["out_channels"])
    assert re.fullmatch(r"int \| one per axis +1 +step .*", dict(table)["stride"])
    assert re.fullmatch(r"int \| one per axis \| word +0 +p, .*", dict(table)["padding"])


@pytest.mark.skipif(sys.platform == "win32", reason="closes standard output as a POSIX shell does")
@pytest.mark.parametrize("words", ["list", "plugins", "info relu", "predict run", "evaluate run", "--version"])
def test_a_closed_standard_output_is_no_error(workplace, words):
    done = subprocess.run(
        ["/bin/sh", "-c", f'"$0" -m nn_cli {words} >&-', sys.executable], cwd=workplace, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_run_is_evaluated_by_the_model_in_its_file_whatever_is_installed_by_now(workplace, tmp_path):
    shutil.copytree(workplace / "run", tmp_path / "run")
    config = tmp_path / "run" / "config.toml"
    config.write_text(config.read_text(encoding="utf-8").replace('"relu"', '"gone"'), encoding="utf-8")
    changed, original = (nn_cli("evaluate", folder / "run", cwd=tmp_path) for folder in (tmp_path, workplace))
    assert (changed.returncode, changed.stdout) == (0, original.stdout)


@pytest.mark.skipif(sys.platform == "win32", reason="closes standard error as a POSIX shell does")
def test_a_closed_standard_error_is_no_error(workplace, tmp_path):
    words = f"train {workplace / 'tiny.toml'} --out run"
    done = subprocess.run(
        ["/bin/sh", "-c", f'"$0" -m nn_cli {words} 2>&-', sys.executable], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "saved in run"


def test_a_run_that_finishes_no_epoch_leaves_nothing_in_the_way(workplace, tmp_path):
    words = ["--out", "run", "--set", "model.layers[5].out_features=5"]
    message = failure("train", workplace / "tiny.toml", *words, cwd=tmp_path, code=1)
    assert "is not one of the 5 classes" in message
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("override", ["model.layers[5].out_features=3", "optimizer.lr=1", "train.epochs=3"])
def test_an_override_that_a_trained_model_cannot_heed_is_refused(workplace, override):
    message = failure("evaluate", "run", "--set", override, cwd=workplace, code=2)
    assert message == f"--set {override} has no effect on a model that is trained; data and loss can be set."
