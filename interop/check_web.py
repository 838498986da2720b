"""`espalier ls` of an address: how little is fetched, and what a server may do wrong."""

import contextlib
import http.server
import json
import os
import struct
import subprocess
import threading
import time

from tool import espalier, espalier_json

SERVED = {}


def safetensors(names, padding=0):
    """A file of f32 [1000] tensors; the header padded with spaces."""
    header, offset = {}, 0
    for name in names:
        header[name] = {"dtype": "F32", "shape": [1000], "data_offsets": [offset, offset + 4000]}
        offset += 4000
    text = json.dumps(header).encode() + b" " * padding
    return struct.pack("<Q", len(text)) + text + bytes(offset)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        mode, _, name = self.path.lstrip("/").partition("/")
        if mode == "redirect":
            self.answer(302, b"moved", {"Location": f"/ranges/{name.split('?')[0]}"})
        elif mode == "loop":
            self.answer(302, b"", {"Location": self.path})
        elif mode == "slow":
            time.sleep(4)
        elif name not in SERVED:
            self.answer(404, b"<html>no such file</html>", {})
        elif mode == "ranges":
            body = SERVED[name]
            first, last = self.headers["Range"].removeprefix("bytes=").split("-")
            part = body[int(first):int(last) + 1]
            self.answer(206, part, {"Content-Range": f"bytes {first}-{int(first) + len(part) - 1}/{len(body)}"})
        elif mode == "whole":
            self.answer(200, SERVED[name], {})
        elif mode == "cut":
            body = SERVED[name]
            self.answer(200, body[:20], {"Content-Length": str(len(body))})
            self.close_connection = True

    def answer(self, status, body, headers):
        self.send_response(status)
        headers = {"Content-Length": str(len(body))} | headers
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            for start in range(0, len(body), 1 << 16):
                self.wfile.write(body[start:start + (1 << 16)])
                self.server.sent += len(body[start:start + (1 << 16)])


@contextlib.contextmanager
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as web:
        web.daemon_threads, web.sent = True, 0
        threading.Thread(target=web.serve_forever, daemon=True).start()
        yield web, f"http://127.0.0.1:{web.server_address[1]}"
        web.shutdown()


def refused(*arguments):
    done = subprocess.run([os.environ["ESPALIER"], *arguments], capture_output=True, text=True)
    assert done.returncode == 2 and not done.stdout, (done.returncode, done.stdout[-500:], done.stderr[-500:])
    assert done.stderr.startswith("espalier: error: ") and done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_only_the_header_is_fetched():
    SERVED["model.safetensors"] = safetensors([f"layer.{i}.weight" for i in range(3000)])
    with server() as (web, base):
        listed = espalier_json("ls", f"{base}/ranges/model.safetensors")
        assert len(listed["tensors"]) == 3000
        assert listed["path"].endswith("/ranges/model.safetensors")
        header = struct.unpack("<Q", SERVED["model.safetensors"][:8])[0] + 8
        assert header > 1 << 16 and web.sent == header, (web.sent, header)


def test_redirections_are_followed_and_selectors_work():
    SERVED["model.safetensors"] = safetensors(["linear.0.weight", "linear.2.weight"])
    with server() as (_, base):
        text = espalier("ls", f"{base}/redirect/model.safetensors?download=true", "linear[2]")
        assert text.split() == ["linear.2.weight", "F32", "[1000]", "4.0", "kB"], text


def test_a_server_without_ranges_is_left_after_the_header():
    SERVED["large.safetensors"] = safetensors([f"layer.{i}.weight" for i in range(20000)])
    with server() as (web, base):
        assert len(espalier_json("ls", f"{base}/whole/large.safetensors")["tensors"]) == 20000
        time.sleep(0.3)
        assert web.sent < len(SERVED["large.safetensors"]) / 4, web.sent


def test_an_index_is_read_with_the_headers_of_its_shards():
    SERVED["a-1.safetensors"], SERVED["a-2.safetensors"] = safetensors(["x", "y"]), safetensors(["z"])
    weight_map = {"x": "a-1.safetensors", "y": "a-1.safetensors", "z": "a-2.safetensors"}
    SERVED["model.safetensors.index.json"] = json.dumps({"weight_map": weight_map}).encode()
    with server() as (_, base):
        for mode in "ranges", "whole":
            listed = espalier_json("ls", f"{base}/{mode}/model.safetensors.index.json")
            assert [(t["key"], t["file"]) for t in listed["tensors"]] == list(weight_map.items()), listed["tensors"]
        SERVED["bad.index.json"] = json.dumps({"weight_map": {"x": "missing.safetensors"}}).encode()
        assert "missing.safetensors: the server answers 404" in refused("ls", f"{base}/ranges/bad.index.json")


def test_servers_that_fail_are_one_line_and_status_2():
    SERVED["model.safetensors"] = safetensors(["x"])
    SERVED["model.bin"] = b"PK\x03\x04" + bytes(100)
    SERVED["page.safetensors"] = b"<!DOCTYPE html><html></html>"
    SERVED["lies.safetensors"] = struct.pack("<Q", 5000) + b"{}"
    with server() as (_, base):
        assert "the server answers 404" in refused("ls", f"{base}/ranges/none.safetensors")
        start = time.time()
        assert "timed out" in refused("ls", f"{base}/slow/model.safetensors", "--timeout", "1")
        assert time.time() - start < 3
        said = refused("ls", f"{base}/loop/model.safetensors")
        assert "redirects" in said, said
        refused("ls", f"{base}/cut/model.safetensors")
        refused("ls", f"{base}/ranges/lies.safetensors")
        assert "PyTorch file" in refused("ls", f"{base}/ranges/model.bin")
        assert "web page" in refused("ls", f"{base}/ranges/page.safetensors")
    assert "connect" in refused("ls", "http://127.0.0.1:9/model.safetensors")
    assert "ls alone" in refused("diff", "http://127.0.0.1:9/model.safetensors", "other")
