#!/usr/bin/env python3
"""Compares the tokenizers with Hugging Face's fast ones: every Unicode scalar, alone and inside a word,
and random texts that mix the difficult ones; WordPiece under every set of options, byte-level BPE and Unigram as
fixtures/tokenizer/ has them.

    python3 interop/check_tokenizer.py            # writes a corpus, then runs the sweep's test
    python3 interop/check_tokenizer.py --write D  # only writes the corpus to the folder D
    python3 interop/check_tokenizer.py --texts F  # also every line of a file, with --model DIR
"""

import argparse
import contextlib
import io
import pathlib
import random
import shutil
import struct
import sys
import tempfile
import unicodedata

from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, processors

from tool import FIXTURES, Skip, swift_test

sys.path.insert(0, str(FIXTURES))
from make_tokenizer_fixtures import SPECIAL, VARIANTS, wordpiece  # noqa: E402

SCALARS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
# Ranges whose scalars interact: combining marks, Hangul, ideographs, controls, punctuation.
MIXED = [(0x20, 0x7F), (0x0, 0x20), (0x7F, 0x250), (0x300, 0x370), (0x370, 0x400), (0x590, 0x5F0), (0x600, 0x700),
         (0x8D0, 0x960), (0xE30, 0xE50), (0xF70, 0xF90), (0x1100, 0x1200), (0x1AB0, 0x1B50), (0x1DC0, 0x1E00),
         (0x1E00, 0x2070), (0x3000, 0x3040), (0x3400, 0x3410), (0xAC00, 0xAC40), (0xF900, 0xFB20), (0xFE00, 0x10000),
         (0x1D150, 0x1D190), (0x1F300, 0x1F650), (0x2B800, 0x2BA00), (0x2F800, 0x2FA20), (0xE0000, 0xE0080)]
ADDED = [
    AddedToken("<raw>", normalized=False), AddedToken("<Norm>", normalized=True),
    AddedToken("left", lstrip=True, normalized=False), AddedToken("right", rstrip=True, normalized=False),
    AddedToken("word", single_word=True, normalized=False), AddedToken("Éa", normalized=True, lstrip=True, rstrip=True),
    AddedToken("both", single_word=True, lstrip=True, rstrip=True, normalized=True), AddedToken("wor", normalized=False),
]
SUBWORDS = ["byte-level", "byte-level-prefixed", "unigram", "unigram-fallback"]


def write(folder, tokenizer, texts):
    """corpus.bin: for each text its length, its UTF-8, the number of ids, the ids; all 32 bits."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    with open(folder / "corpus.bin", "wb") as out:
        for start in range(0, len(texts), 50000):
            part = texts[start : start + 50000]
            for text, encoding in zip(part, tokenizer.encode_batch(part, add_special_tokens=False)):
                data, ids = text.encode(), encoding.ids
                out.write(struct.pack("<I", len(data)) + data + struct.pack(f"<{len(ids) + 1}I", len(ids), *ids))
    print(folder.name, len(texts), "texts", flush=True)


def write_corpora(folder, variants=tuple(VARIANTS), every=1, mixed_texts=200_000, added_texts=100_000):
    everything = {token: i for i, token in enumerate(SPECIAL)}
    swept = SCALARS[::every]
    # A vocabulary of everything takes a while to read; a sample of the sweep gets along with less.
    known = SCALARS if every == 1 else sorted({*swept, *(c for first, end in MIXED for c in range(first, end))})
    for c in known:
        everything[chr(c)] = len(everything)
        everything["##" + chr(c)] = len(everything)
    sweep = [text for c in swept for text in (chr(c), f"a{chr(c)}b")]
    for name in variants:
        write(folder / name, wordpiece(everything, VARIANTS[name]), sweep)
    source = random.Random(7)
    scalar = lambda: chr(source.randrange(*source.choice(MIXED)))
    mixed = ["".join(scalar() for _ in range(source.randrange(1, 24))) for _ in range(mixed_texts)]
    for name in ("uncased", "cased-stripped"):
        write(folder / f"mixed-{name}", wordpiece(everything, VARIANTS[name]), mixed)
    words = [t.content for t in ADDED] + SPECIAL + [" ", "  ", "\t", "\u2003", "a", "Z", "_", "9", "é", "e\u0301", "-", "WORD",
                                                    "<NORM>", "<nor\u0301m>", "Left", "BOTH", "éA", "\u0301", "\u200b", "中"]
    joined = ["".join(source.choice(words) for _ in range(source.randrange(1, 12))) for _ in range(added_texts)]
    spelt = unicodedata.normalize("NFD", "".join(words)) + "".join(words)
    small = {token: i for i, token in enumerate([*SPECIAL, *(p + c for p in ("", "##") for c in sorted({*spelt, *spelt.lower()}))])}
    for name in ("uncased", "cased"):
        write(folder / f"added-{name}", wordpiece(small, VARIANTS[name], ADDED), joined)
    write_subwords(folder, sweep if every == 1 else sweep[1::2], mixed, source, added_texts)
    # One text a scalar shows its kind: its last byte joins the a, the 1, the ! or the blank after it.
    write(folder / "byte-kinds", kinds(), [f"{c}a{c}1{c}!{c} " for c in map(chr, swept)])
    # A cluster of less than six bytes is replaced as a whole: which scalars stay with what stands before them, or after.
    unigram = Tokenizer.from_file(str(FIXTURES / "tokenizer/unigram-fallback/tokenizer.json"))
    basic = [chr(c) for c in SCALARS if c < 0x10000][:: 1 if every == 1 else 11]
    write(folder / "clusters", unigram, [f"\u00aa{c}\ufb01{c}\u01c4e{c}\u0301\u00bd" for c in basic])


def kinds():
    """Byte-level BPE whose only merges are of any byte with what begins a word of a letter, number, sign or blank."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    blank = "\u0120"
    merges = [(byte, end) for byte in alphabet for end in ("a", "1", "!", blank)]
    words = ["<s>", "<pad>", "</s>", *alphabet, *(a + b for a, b in merges)]
    made = Tokenizer(models.BPE({w: i for i, w in enumerate(words)}, merges))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.add_special_tokens(words[:3])
    made.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    return made


def write_subwords(folder, sweep, mixed, source, joined_texts):
    """The same scalars and mixed texts for BPE and Unigram, and texts of what their rules are about: contractions, runs of
    blanks of every kind, added tokens, what NFKC replaces, clusters that are replaced as a whole."""
    words = ["'s", "'t", "'re", "'LL", "'ve", "'", " ", "  ", "\t", "\n", "\r\n", "\u00a0", "\u2003", "\u3000", "\u200b", "a", "the", "Z",
             "12", "\u0663", "\u2167", "\u00bd", "_", "-", "!!", "\u2581", "\u2581\u2581", "<s>", "</s>", "<mask>", "<pad>", "<unk>", "newtoken", "new", "token",
             "<0x41>", "\u00e9", "e\u0301", "\u0301", "\u4e2d", "\uff21", "\ufb01", "\u30ab\u3099", "\u30cf\u309a", "\uff76\uff9e", "\u0e33", "\u1100\u1161\u11a8",
             "\U0001f468\u200d\U0001f469", "\U0001f1e9\U0001f1ea", "\u0915\u094d\u0937", "\u0600", "\u0344", "\u00ad"]
    joined = ["".join(source.choice(words) for _ in range(source.randrange(1, 14))) for _ in range(joined_texts)]
    for name in SUBWORDS:
        tokenizer = Tokenizer.from_file(str(FIXTURES / "tokenizer" / name / "tokenizer.json"))
        write(folder / name, tokenizer, sweep + mixed + joined)


def compare(folder):
    """Runs the test that reads the corpora; what it printed when they differ."""
    printed = swift_test("TokenizerSweepTests", ESPALIER_TOKENIZER_SWEEP=str(folder))
    assert "texts compared" in printed, printed[-3000:]
    return next(line for line in printed.splitlines() if line.endswith("texts compared"))


def test_unicode_scalars_and_mixed_texts():
    if shutil.which("swift") is None:
        raise Skip("the sweep runs in the package's own test")
    with tempfile.TemporaryDirectory() as temporary, contextlib.redirect_stdout(io.StringIO()):
        folder = pathlib.Path(temporary)
        write_corpora(folder, variants=("uncased",), every=97, mixed_texts=3_000, added_texts=3_000)
        return compare(folder)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", type=pathlib.Path)
    parser.add_argument("--texts", type=pathlib.Path, nargs="*", default=[])
    parser.add_argument("--model", type=pathlib.Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.write or pathlib.Path(temporary)
        write_corpora(folder)
        if arguments.texts:
            tokenizer = Tokenizer.from_file(str(arguments.model / "tokenizer.json"))
            tokenizer.no_padding()
            tokenizer.no_truncation()
            lines = [l.split("\t")[0] for f in arguments.texts for l in f.read_text(encoding="utf-8").split("\n") if l]
            write(folder / "texts", tokenizer, lines)
        if arguments.write:
            return
        print(compare(folder))


if __name__ == "__main__":
    main()
