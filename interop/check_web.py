"""`espalier ls` of an address: how little is fetched, and what a server may do wrong."""

import contextlib
import gzip
import http.server
import json
import os
import pathlib
import struct
import subprocess
import threading
import time
import urllib.parse

from tool import espalier, espalier_json, folder

# Measures time: runs by itself.
ALONE = True

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
        name = urllib.parse.unquote(name if mode == "elsewhere" else name.split("?")[0])
        if mode == "redirect":
            self.answer(302, b"moved", {"Location": f"/ranges/{name}"})
        elif mode == "loop":
            self.answer(302, b"", {"Location": self.path})
        elif mode == "elsewhere":
            self.answer(302, b"", {"Location": bytes.fromhex(name.split("/")[0]).decode()})
        elif mode == "slow":
            time.sleep(4)
        elif mode == "drip":
            # A byte now and then, for ever.
            self.send_response(200)
            self.send_header("Content-Length", "100000")
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                for _ in range(40):
                    self.wfile.write(b" ")
                    time.sleep(0.1)
        elif mode == "endless":
            # A body without a length that never ends, of what it was asked for and then zeros.
            self.send_response(200)
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True
            with contextlib.suppress(ConnectionError):
                self.wfile.write(SERVED.get(name, b""))
                while True:
                    self.wfile.write(bytes(1 << 16))
                    self.server.sent += 1 << 16
        elif mode == "head":
            # A head that never ends.
            self.close_connection = True
            with contextlib.suppress(ConnectionError):
                self.wfile.write(b"HTTP/1.1 200 OK\r\n")
                while True:
                    self.wfile.write(b"X-Filler: " + b"x" * 1000 + b"\r\n")
        elif mode == "hub":
            self.hub(name)
        elif name not in SERVED:
            self.answer(404, b"<html>no such file</html>", {})
        elif mode in ("ranges", "store"):
            self.server.tokens.append(self.headers["Authorization"])
            body = SERVED[name]
            first, last = self.headers["Range"].removeprefix("bytes=").split("-")
            part = body[int(first):int(last) + 1]
            self.answer(206, part, {"Content-Range": f"bytes {first}-{int(first) + len(part) - 1}/{len(body)}"})
        elif mode == "whole":
            self.answer(200, SERVED[name], {})
        elif mode == "gzip":
            self.answer(200, gzip.compress(SERVED[name]), {"Content-Encoding": "gzip"})
        elif mode == "shifted":
            self.answer(206, SERVED[name][16:], {"Content-Range": f"bytes 16-{len(SERVED[name]) - 1}/{len(SERVED[name])}"})
        elif mode == "vague":
            self.answer(206, SERVED[name], {})
        elif mode == "immense":
            part = SERVED[name]
            self.answer(206, part, {"Content-Range": f"bytes 0-{len(part) - 1}/{(1 << 63) - 1}"})
        elif mode == "unmeasured":
            self.send_response(200)
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(SERVED[name])
            self.close_connection = True
        elif mode == "waiting":
            # Answers when several requests are under way, or after a while.
            with self.server.lock:
                self.server.waiting += 1
                self.server.most = max(self.server.most, self.server.waiting)
            time.sleep(0.3)
            with self.server.lock:
                self.server.waiting -= 1
            self.answer(200, SERVED[name], {})
        elif mode == "cut":
            body = SERVED[name]
            self.answer(200, body[:20], {"Content-Length": str(len(body))})
            self.close_connection = True

    def hub(self, name):
        """As the Hugging Face Hub answers: models are gated, files lie on another host."""
        self.server.tokens.append(self.headers["Authorization"])
        if "open" in name:
            self.answer(302, b"", {"Location": f"{self.server.other}/store/model.safetensors?signature=x"})
        elif self.headers["Authorization"] is None:
            self.answer(401, b"", {"X-Error-Code": "GatedRepo"})
        elif self.headers["Authorization"] == "Bearer hf_bad":
            self.answer(401, b"", {})
        elif "closed" in name:
            self.answer(403, b"", {"X-Error-Code": "GatedRepo"})
        else:
            self.answer(307, b"", {"Location": f"/hub/open/{name}"})

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
        web.daemon_threads, web.sent, web.tokens, web.other = True, 0, [], None
        web.lock, web.waiting, web.most = threading.Lock(), 0, 0
        threading.Thread(target=web.serve_forever, daemon=True).start()
        yield web, f"http://127.0.0.1:{web.server_address[1]}"
        web.shutdown()


def refused(*arguments, **variables):
    done = subprocess.run(
        [os.environ["ESPALIER"], *arguments], capture_output=True, text=True, env=os.environ | variables)
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
    assert "only ls reads addresses" in refused("diff", "http://127.0.0.1:9/model.safetensors", "other")


def test_shards_are_fetched_together_and_the_first_error_is_said():
    names = [f"part {i} #%.safetensors" for i in range(24)]
    for i, name in enumerate(names):
        SERVED[name] = safetensors([f"t{i}"])
    SERVED["many.index.json"] = json.dumps({"weight_map": {f"t{i}": name for i, name in enumerate(names)}}).encode()
    with server() as (web, base):
        start = time.time()
        done = subprocess.run(
            [os.environ["ESPALIER"], "ls", f"{base}/waiting/many.index.json", "--json", "--progress", "always"],
            capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert [t["key"] for t in json.loads(done.stdout)["tensors"]] == [f"t{i}" for i in range(24)]
        assert 2 <= web.most <= 8, web.most
        assert time.time() - start < 24 * 0.3 / 2
        assert done.stderr.startswith("headers ") and "files/s" in done.stderr, done.stderr
        for name in names[5], names[6], names[20]:
            SERVED[name] = b"<html>"
        assert "part%205%20%23%25.safetensors: " in refused("ls", f"{base}/ranges/many.index.json")
        del SERVED[names[5]]
        said = refused("ls", f"{base}/ranges/many.index.json")
        assert "part%205%20%23%25.safetensors: the server answers 404" in said, said


def test_an_index_may_not_name_too_many_files_or_other_hosts():
    def index(names):
        SERVED["odd.index.json"] = json.dumps({"weight_map": {f"t{i}": n for i, n in enumerate(names)}}).encode()

    with server() as (web, base):
        index([f"{i}.safetensors" for i in range(100_000)])
        assert "names 100000 files, and at most 1000 are read" in refused("ls", f"{base}/ranges/odd.index.json")
        for name in f"{base}/ranges/x", "/etc/passwd", "../x", "file:///etc/passwd", "a\\..\\b":
            index([name])
            said = refused("ls", f"{base}/ranges/odd.index.json")
            assert "weight_map names" in said, said
        index(["..%2f..%2fx"])
        assert "..%252f..%252fx: the server answers 404" in refused("ls", f"{base}/ranges/odd.index.json")


def test_servers_that_lie_are_found_out():
    SERVED["model.safetensors"] = safetensors(["x"])
    SERVED["huge.safetensors"] = struct.pack("<Q", 1 << 63) + b"{" + bytes(1000)
    SERVED["empty.safetensors"] = b""
    with server() as (web, base):
        assert "header" in refused("ls", f"{base}/ranges/huge.safetensors")
        assert "header" in refused("ls", f"{base}/whole/huge.safetensors")
        refused("ls", f"{base}/whole/empty.safetensors")
        assert "compressed (" in refused("ls", f"{base}/gzip/model.safetensors")
        assert "sends bytes 16-" in refused("ls", f"{base}/shifted/model.safetensors")
        assert "which part of the file" in refused("ls", f"{base}/vague/model.safetensors")
        refused("ls", f"{base}/immense/model.safetensors")
        assert "headers of the answer do not end" in refused("ls", f"{base}/head/model.safetensors")
        # Without a length the end of the answer tells it, if it comes; one that has no end is left.
        SERVED["none.index.json"] = b'{"weight_map": {}}'
        assert espalier_json("ls", f"{base}/unmeasured/none.index.json")["tensors"] == []
        assert "length of the file" in refused("ls", f"{base}/unmeasured/model.safetensors")
        web.sent = 0
        assert "length of the file" in refused("ls", f"{base}/endless/model.safetensors")
        SERVED["index.json"] = b'{"weight_map": {'
        refused("ls", f"{base}/endless/index.json")
        time.sleep(0.3)
        assert web.sent < 1 << 27, web.sent
        start = time.time()
        assert "timed out" in refused("ls", f"{base}/drip/model.safetensors", "--timeout", "1")
        assert time.time() - start < 3


def test_redirections_lead_nowhere_else():
    SERVED["model.safetensors"] = safetensors(["x"])
    with server() as (_, base), server() as (_, other):
        def moved(location):
            return f"{base}/elsewhere/{location.encode().hex()}"

        for location in "/ranges/model.safetensors", "//" + other[7:] + "/ranges/model.safetensors", \
                f"{other}/ranges/model.safetensors", "../ranges/model.safetensors":
            assert len(espalier_json("ls", moved(location))["tensors"]) == 1, location
        for location in "file:///etc/passwd", "ftp://127.0.0.1/x", "gopher:x", "javascript:1", "data:,x":
            said = refused("ls", moved(location))
            assert "which is not an address of http or https" in said, said
        assert "redirects more than 8 times" in refused("ls", f"{base}/loop/model.safetensors")


def token_variables(base, home, **others):
    return {"HF_ENDPOINT": f"{base}/hub", "HF_HOME": str(home), "HF_TOKEN": "", "HF_TOKEN_PATH": ""} | others


def test_tokens_go_to_their_host_alone():
    SERVED["model.safetensors"] = safetensors(["x"])
    with server() as (web, base), server() as (other, elsewhere), folder() as home:
        web.other = elsewhere
        url = f"{base}/hub/org/model/resolve/main/model.safetensors"

        def run(url, **variables):
            web.tokens, other.tokens = [], []
            variables = os.environ | token_variables(base, home, **variables)
            done = subprocess.run([os.environ["ESPALIER"], "ls", url], capture_output=True, text=True, env=variables)
            return done.returncode, done.stderr

        assert run(url, HF_TOKEN="hf_secret") == (0, "")
        assert web.tokens == ["Bearer hf_secret"] * 2 and other.tokens == [None], (web.tokens, other.tokens)
        # Another host, or another place on this one, gets none.
        assert run(f"{elsewhere}/ranges/model.safetensors", HF_TOKEN="hf_secret") == (0, "")
        assert run(f"{base}/ranges/model.safetensors", HF_TOKEN="hf_secret") == (0, "")
        assert web.tokens == [None] and other.tokens == []
        # Files, as huggingface_hub finds them.
        (home / "token").write_text("hf_home\n")
        assert run(url) == (0, "") and web.tokens[0] == "Bearer hf_home", web.tokens
        (home / "mine").write_text("hf_mine")
        assert run(url, HF_TOKEN_PATH="$HF_HOME/mine") == (0, "") and web.tokens[0] == "Bearer hf_mine"
        assert run(url, HF_HUB_DISABLE_IMPLICIT_TOKEN="1")[0] == 2 and web.tokens == [None]
        peer = subprocess.run(
            ["python3" if not os.environ.get("PYTHON") else os.environ["PYTHON"], "-c",
             "from huggingface_hub import get_token; print(get_token())"],
            capture_output=True, text=True, env=os.environ | token_variables(base, home, HF_TOKEN_PATH="$HF_HOME/mine"))
        assert peer.returncode != 0 or peer.stdout.strip() == "hf_mine", peer.stdout
        # A token may not add lines to the request.
        code, said = run(url, HF_TOKEN="hf\tx\u00e9")
        assert code == 2 and "the token in HF_TOKEN has characters that no token has" in said, said


def test_a_gated_model_says_what_to_do():
    with server() as (_, base), folder() as home:
        url = f"{base}/hub/org/closed/resolve/main/model.safetensors"
        said = refused("ls", url, **token_variables(base, home))
        assert "gated, private or not there; log in with: hf auth login" in said and f"{base}/hub/org/closed" in said, said
        said = refused("ls", url, **token_variables(base, home, HF_TOKEN="hf_bad"))
        assert "does not take the token in HF_TOKEN" in said, said
        said = refused("ls", url, **token_variables(base, home, HF_TOKEN="hf_good"))
        assert f"has no access; ask for it at {base}/hub/org/closed" in said, said
        assert "hf_good" not in said


def test_neither_token_nor_address_is_seen_in_the_list_of_processes():
    with server() as (_, base), folder() as home:
        variables = os.environ | token_variables(f"{base}/slow", home, HF_TOKEN="hf_secret", HF_ENDPOINT=f"{base}/slow")
        process = subprocess.Popen(
            [os.environ["ESPALIER"], "ls", f"{base}/slow/signed.safetensors", "--timeout", "2"],
            stderr=subprocess.DEVNULL, env=variables)
        if not pathlib.Path("/proc/self/cmdline").exists():
            return process.wait()
        commands = []
        while process.poll() is None and not commands:
            for entry in pathlib.Path("/proc").glob("[0-9]*"):
                with contextlib.suppress(OSError, IndexError):
                    status = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                    if int(status[1]) == process.pid and b"curl" in (entry / "cmdline").read_bytes()[:4]:
                        commands.append((entry / "cmdline").read_bytes())
        assert commands == [b"curl\0--disable\0--config\0-\0"], commands
        process.wait()
