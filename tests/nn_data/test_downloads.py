"""Downloads, from a server on this machine that does what servers do, good and bad."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from nn_core import DataError
from nn_data import RemoteFile, cache_folder, fetch, load_dataset
from nn_data.datasets import downloads, images

PIECE = 6 * 16384  # that a broken connection delivers
DATA = np.random.default_rng(0).bytes(300_000)


class Handler(BaseHTTPRequestHandler):
    """Serves what is in ``server.files``; a path beginning with ``/broken/`` breaks off a number of times."""

    def do_GET(self):
        server = self.server
        server.asked.append((self.path, self.headers.get("Range")))
        kind, _, name = self.path.strip("/").partition("/")
        data = server.files.get(name)
        if data is None or kind == "missing":
            self.send_error(404)
            return
        start = 0
        wanted = self.headers.get("Range")
        if wanted and kind != "whole":
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(data):
                self.send_error(416)
                return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(data) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        server.seen[self.path] += 1
        if kind in ("broken", "whole") and server.seen[self.path] <= server.breaks:
            self.wfile.write(data[start : start + PIECE])
            self.close_connection = True
            return
        self.wfile.write(data[start:])
        if kind == "slow":
            server.served.set()

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.files, server.asked, server.seen, server.breaks = {"a.bin": DATA}, [], Counter(), 0
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NN_DATA_DIR", str(tmp_path / "cache"))
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    return tmp_path / "cache"


def remote(server, kind="good", name="a.bin", data=DATA):
    url = f"http://127.0.0.1:{server.server_address[1]}/{kind}/{name}"
    return RemoteFile(name, url, f"md5:{hashlib.md5(data).hexdigest()}")


def test_a_file_is_downloaded_once_and_kept(server, cache):
    for _ in range(2):
        [path] = fetch("some", [remote(server)])
        assert path == cache / "some" / "a.bin"
        assert path.read_bytes() == DATA
    assert server.asked == [("/good/a.bin", None)]
    assert sorted(entry.name for entry in path.parent.iterdir()) == [".lock", "a.bin"]


def test_checksums_of_either_kind_are_compared(server):
    file = remote(server)
    strong = RemoteFile(file.name, file.url, f"sha256:{hashlib.sha256(DATA).hexdigest()}")
    assert fetch("some", [strong])[0].read_bytes() == DATA


def test_a_damaged_file_in_the_cache_is_downloaded_again(server, cache):
    [path] = fetch("some", [remote(server)])
    path.write_bytes(DATA[:-1])
    fetch("some", [remote(server)])
    assert path.read_bytes() == DATA


def test_a_wrong_checksum_is_refused_and_nothing_is_kept(server, cache):
    server.files["a.bin"] = DATA[:-1] + b"x"
    with pytest.raises(DataError, match=r"some cannot be downloaded to .*hash of downloaded file"):
        fetch("some", [remote(server)])
    assert [entry.name for entry in (cache / "some").iterdir()] == [".lock"]
    server.files["a.bin"] = DATA
    assert fetch("some", [remote(server)])[0].read_bytes() == DATA


def test_a_download_that_breaks_off_goes_on_where_it_stopped(server):
    server.breaks = 2
    assert fetch("some", [remote(server, "broken")])[0].read_bytes() == DATA
    assert [wanted for _, wanted in server.asked] == [None, f"bytes={PIECE}-", f"bytes={2 * PIECE}-"]


def test_what_there_is_stays_for_the_next_time(server, cache):
    server.breaks = 3
    server.files["a.bin"] = longer = DATA * 2
    with pytest.raises(DataError, match="interrupted, again and again; what is there is kept"):
        fetch("some", [remote(server, "broken", data=longer)])
    assert (cache / "some" / "a.bin.part").stat().st_size == 3 * PIECE
    assert fetch("some", [remote(server, "broken", data=longer)])[0].read_bytes() == longer
    assert server.asked[-1] == ("/broken/a.bin", f"bytes={3 * PIECE}-")
    assert not (cache / "some" / "a.bin.part").exists()


def test_a_server_that_sends_no_parts_is_asked_for_the_whole(server):
    server.breaks = 2
    assert fetch("some", [remote(server, "whole")])[0].read_bytes() == DATA
    assert server.seen["/whole/a.bin"] == 3


def test_a_part_that_is_longer_than_the_file_is_thrown_away(server, cache):
    (cache / "some").mkdir(parents=True)
    (cache / "some" / "a.bin.part").write_bytes(DATA + b"more")
    assert fetch("some", [remote(server)])[0].read_bytes() == DATA


def test_a_part_of_another_file_is_noticed_and_thrown_away(server, cache):
    (cache / "some").mkdir(parents=True)
    (cache / "some" / "a.bin.part").write_bytes(b"other")
    with pytest.raises(DataError, match="hash of downloaded file"):
        fetch("some", [remote(server)])
    assert fetch("some", [remote(server)])[0].read_bytes() == DATA


def test_a_file_that_is_not_there_is_an_error_with_the_list_of_files(server, cache):
    files = [remote(server), remote(server, "missing", "b.bin")]
    with pytest.raises(DataError) as caught:
        fetch("some", files)
    message = str(caught.value)
    assert f"the server answered 404 (Not Found) for {files[1].url}" in message
    assert "name their folder with path=" in message
    assert f"Fetch its files in another way ({files[0].url}, {files[1].url})" in message


def test_without_a_network_the_message_lists_the_files(cache):
    file = RemoteFile("a.bin", "http://127.0.0.1:9/a.bin", "md5:0")  # a port where nobody listens
    with pytest.raises(DataError, match=r"there is no connection to 127\.0\.0\.1:9, .* in another way \(.*:9/a\.bin\)"):
        fetch("some", [file])


def test_a_file_of_ones_own_in_the_cache_is_told_and_how_to_use_it(server, cache):
    (cache / "some").mkdir(parents=True)
    (cache / "some" / "a.bin").write_bytes(b"another edition")
    with pytest.raises(DataError, match=rf"a.bin there is not the published file; path='{cache / 'some'}' takes it"):
        fetch("some", [remote(server, "missing")])
    assert (cache / "some" / "a.bin").read_bytes() == b"another edition"


def test_a_silent_server_is_given_up(server, monkeypatch):
    import requests

    monkeypatch.setattr(downloads, "_append", lambda *args: (_ for _ in ()).throw(requests.ReadTimeout("late")))
    with pytest.raises(DataError, match="the server was silent for 30 seconds"):
        fetch("some", [remote(server)])


@pytest.mark.parametrize("kind", ["file in the way", "not writable"])
def test_a_cache_that_cannot_be_written_to_is_named_with_the_way_out(server, cache, kind):
    if kind == "file in the way":
        cache.write_text("")
    else:
        if os.name != "posix" or os.geteuid() == 0:
            pytest.skip("everything is writable for this user")
        cache.mkdir(mode=0o500)
    with pytest.raises(DataError, match=r"some cannot be downloaded to .*; NN_DATA_DIR chooses another cache"):
        fetch("some", [remote(server)])
    assert server.asked == []


def test_a_full_cache_that_cannot_be_written_to_is_read(server, cache, monkeypatch):
    fetch("some", [remote(server)])
    (cache / "some" / ".lock").unlink()
    monkeypatch.setattr(downloads, "_alone_in", lambda folder: (_ for _ in ()).throw(PermissionError("read-only")))
    assert fetch("some", [remote(server)])[0].read_bytes() == DATA


PROGRAM = """
import sys
from nn_data import RemoteFile, fetch
[path] = fetch("some", [RemoteFile("a.bin", sys.argv[1], sys.argv[2])])
print(len(path.read_bytes()))
"""


def test_of_two_processes_one_downloads_and_both_have_the_file(server):
    file = remote(server, "broken")
    server.breaks = 1
    command = [sys.executable, "-c", PROGRAM, file.url, file.checksum]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    for process in running:
        out, err = process.communicate(timeout=60)
        assert (out.strip(), err) == (str(len(DATA)), "")
    assert len(server.asked) == 2  # the first, broken off, and what was missing


def test_the_cache_is_that_of_the_user_unless_a_folder_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("NN_DATA_DIR", "~/data")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert cache_folder("mnist") == tmp_path / "data" / "mnist"
    monkeypatch.delenv("NN_DATA_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "c"))
    assert cache_folder("mnist").parts[-2:] == ("nn-data", "mnist")


def test_a_dataset_is_downloaded_by_its_name(server, monkeypatch, cache):
    import gzip
    import struct

    rng = np.random.default_rng(0)
    arrays = {}
    for part, n in (("train", 5), ("t10k", 3)):
        pixels, labels = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8), rng.integers(0, 10, n, dtype=np.uint8)
        arrays[part] = pixels, labels
        server.files[f"{part}-images-idx3-ubyte.gz"] = gzip.compress(
            struct.pack(">BBBB3I", 0, 0, 8, 3, n, 28, 28) + pixels.tobytes()
        )
        server.files[f"{part}-labels-idx1-ubyte.gz"] = gzip.compress(
            struct.pack(">BBBBI", 0, 0, 8, 1, n) + labels.tobytes()
        )
    mirror = [remote(server, name=f"{part}.gz", data=server.files[f"{part}.gz"]) for part in images.PARTS]
    monkeypatch.setattr(images, "_remote", lambda *args: mirror)
    train, test = load_dataset("fashion_mnist")
    np.testing.assert_array_equal(train.x[:, 0], arrays["train"][0].astype(np.float32) / 255)
    assert test.y.tolist() == arrays["t10k"][1].tolist()
    assert train.info.class_names[9] == "Ankle boot"
    assert (cache / "fashion_mnist").is_dir()


def test_the_published_files_are_asked_for(monkeypatch):
    """What would be downloaded, and that checksums have the form of their kind."""
    asked = {}

    def note(dataset, files):
        asked[dataset] = files
        raise DataError("offline")

    for module in ("images", "cifar", "tabular"):
        monkeypatch.setattr(f"nn_data.datasets.{module}.fetch", note)
    names = ["mnist", "fashion_mnist", "kmnist", "emnist_letters", "cifar10", "cifar100", "california_housing"]
    for name in names:
        with pytest.raises(DataError, match="offline"):
            load_dataset(name)
    assert list(asked) == names
    assert [len(files) for files in asked.values()] == [4, 4, 4, 1, 1, 1, 1]
    every = [file for files in asked.values() for file in files]
    assert len({file.checksum for file in every}) == len(every)
    for file in every:
        kind, _, digest = file.checksum.partition(":")
        assert len(bytes.fromhex(digest)) == {"md5": 16, "sha256": 32}[kind]
        assert file.url.startswith(("https://", "http://fashion-mnist.s3-website"))
