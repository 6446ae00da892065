"""Every config.json that is damaged, hostile or odd is told in one line, at once, by every command that reads it.

Mutations, each seen to break a test here: RecursionError let through; a pipe opened as a file.
"""

import json
import os

import pytest
from kit import fuzz
from kit.judge import judge, judge_all

from tfvae.training import loop
from tfvae.training.config import Config
from tfvae.training.runs.directory import RunDirectory

CASES = 200
RAW = [  # texts of values that Python's own JSON would not write
    *("1e400", "-1e400", "9" * 400, "9" * 6000, "NaN", "Infinity", "[" * 100_000, '{"a":' * 100_000),
    "[" * 900 + "]" * 900,
    *('"' + "x" * 5000 + '"', '"\\u001b[31mred"', '"\\udcff"', '"a\\u0000b"', '"\u202ec"', '""', "-0.0", "1e-320"),
    *("null", "true", "[]", "{}", "0", "-1", "1", "0.5", "2147483648", '"none"', '"auto"', '"1"'),
    *('{"a": [{}]}', "[[]]"),
]  # fmt: skip


def damaged(whole, rng, kind):
    """Bytes of a config.json; every kind of damage in turn."""
    text = json.dumps(whole, indent=2)
    content = text.encode()
    settings = list(whole["config"])
    chosen = settings[int(rng.integers(len(settings)))]
    step, part = divmod(kind, 8)
    raw = RAW[int(rng.integers(len(RAW)))]
    if part == 0:
        content = bytearray(content)
        for place in rng.integers(0, len(content), 1 + step % 6):
            content[place] ^= 1 << int(rng.integers(0, 8))
        return bytes(content)
    if part == 1:
        return content[: int(rng.integers(0, len(content)))]
    if part in (2, 3):
        changed = json.dumps(whole | {"config": whole["config"] | {chosen: "RAW"}})
        return changed.replace('"RAW"', raw).encode("utf-8", "surrogatepass")
    if part == 4:
        name = list(whole)[step % len(whole)]
        return (
            json.dumps(whole | {name: "RAW"})
            .replace('"RAW"', RAW[step % len(RAW)])
            .encode("utf-8", "surrogatepass")
        )
    if part == 5:
        less = {name: value for name, value in whole["config"].items() if name != chosen}
        top = list(whole)[step % len(whole)]
        if step % 3 == 0:
            return json.dumps({name: value for name, value in whole.items() if name != top}).encode()
        more = {["\x1b[31m", "nothing", "x" * 5000, "", "Epochs"][step % 5]: 1} if step % 2 else {}
        return json.dumps(whole | {"config": less | more}).encode()
    if part == 6:
        return text.replace(f'"{chosen}":', f'"{chosen}": {raw}, "{chosen}":').encode(
            "utf-8", "surrogatepass"
        )
    others = [
        *(
            b" " * 2**20 + content,
            b"",
            b"\xef\xbb\xbf" + content,
            text.encode("utf-16"),
            text.encode("utf-32"),
        ),
        *(b"\0" * 100, rng.bytes(200), b"[]", b"null", b"7", b'"text"', content * 2, content + b"\n\n  "),
        *(b"[" * 200_000, b'{"a":' * 200_000, b"\xff" + content, b"// no comment\n" + content),
        content.replace(b'"', b"'"),
    ]
    return others[step % len(others)]


@pytest.mark.parametrize("cases", fuzz.portions(CASES, 24))
def test_every_config_is_read_or_told_in_one_line(cases, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(loop, "train", lambda config, run, **_: False)
    run = RunDirectory(tmp_path / "run")
    run.create(Config.resolve({}), ["tfvae", "train", "--run-dir", "run"])
    whole = json.loads(run.config_file.read_bytes())

    def look(case):
        rng = fuzz.generator(case, seed=2)
        run.config_file.write_bytes(damaged(whole, rng, case))
        found = judge(["info", str(run.path)], seconds=10.0, folder=tmp_path)
        others = [["evaluate", "run"], ["sample", "run"], ["latent", "run", "traverse"],
                  ["export", "run", "--format", "tflite"], ["train", "--resume", "--run-dir", "run"]]  # fmt: skip
        for words in others if found.code == 2 else []:
            told = judge(words, seconds=10.0, folder=tmp_path)
            assert told.code == 2 and "config.json is damaged" in told.errors, (words, told)
        return found

    assert judge_all(cases, look) > len(cases) // 2


@pytest.mark.parametrize("kind", ["large", "pipe", "folder", "link to itself", "device"])
def test_what_is_no_file_is_no_run(kind, tmp_path):
    path = tmp_path / "config.json"
    makers = {
        "large": lambda: path.write_bytes(b" " * (2**24 + 1)),
        "pipe": lambda: os.mkfifo(path),
        "folder": path.mkdir,
        "link to itself": lambda: path.symlink_to(path),
        "device": lambda: path.symlink_to("/dev/zero"),
    }
    makers[kind]()
    for words in (["info"], ["evaluate"], ["sample"], ["train", "--resume", "--run-dir"]):
        assert "there is no run" in judge([*words, str(tmp_path)], seconds=5.0, codes=(2,)).errors
