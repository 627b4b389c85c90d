from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from harness.errors import RecordError
from harness.record.journal import CampaignFolder
from harness.tracking.refusal import refusal, without_password
from harness.tracking.sink import sync

LONGEST = 300


class Refusing(BaseHTTPRequestHandler):
    """Answers everything with the status that stands first in the path."""

    def answer(self) -> None:
        body = b"<html>no</html>"
        self.send_response(int(self.path.split("/")[1]))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as one:
        thread = threading.Thread(target=one.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{one.server_port}"
        one.shutdown()
        thread.join()


def told(tmp_path: Path, uri: str, experiment: str = "polydl") -> str:
    with pytest.raises(RecordError) as caught:
        sync(CampaignFolder(tmp_path / "toy"), uri, experiment)
    line = str(caught.value)
    assert "\n" not in line and len(line) <= LONGEST
    return line


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        (401, "MLFLOW_TRACKING_USERNAME"),
        (403, "tracking.experiment=NAME"),
        (404, "tracking.uri is the address that its UI is opened at"),
        (413, "limit on a request's body"),
        (429, "free some of its quota"),
        (507, "free some of its quota"),
    ],
)
def test_what_a_server_refuses(tmp_path: Path, server: str, status: int, remedy: str) -> None:
    assert remedy in told(tmp_path, f"{server}/{status}")


def test_what_no_store_can_be_made_of(tmp_path: Path) -> None:
    assert "-m pip install psycopg" in told(tmp_path, "postgresql://user:secret@127.0.0.1/x")
    assert "is a folder" in told(tmp_path, f"sqlite:///{tmp_path}")
    assert "known: http://HOST:PORT" in told(tmp_path, "gopher://x")
    assert "no store any more" in told(tmp_path, str(tmp_path / "mlruns"))
    (tmp_path / "text.db").write_text("some text " * 200)
    assert "choose another with tracking.uri" in told(tmp_path, f"sqlite:///{tmp_path}/text.db")
    (tmp_path / "kept.db").touch()
    (tmp_path / "kept.db").chmod(0o444)
    assert "make the file and its folder writable" in told(
        tmp_path, f"sqlite:///{tmp_path}/kept.db"
    )
    assert (tmp_path / "kept.db").read_bytes() == b""


def test_passwords_are_not_told() -> None:
    assert without_password("at http://me:secret@host:5000/x") == "at http://host:5000/x"
    assert "secret" not in refusal(ValueError("cannot reach http://me:secret@host"))
    assert refusal(ValueError()) == "ValueError"
    assert len(refusal(ValueError("x" * 999))) < LONGEST
