#!/usr/bin/env python3
"""Golden encodings and decodings, by the libraries that tokenizers come from.

  make.py           trains the small models beside this file and writes what sentencepiece, tokenizers and transformers
                    make of texts.json with them
  make.py --gguf    writes the GGUF files that llama-cpp.mjs reads

texts.json: awkward texts; an entry {"repeat": TEXT, "times": N} stands for a long one.
NAME.json: madeBy, encoded (token ids of each text; "sha256:..." over the decimal ids joined by commas where there are
more than 400), sequences (random token ids) and decoded (the text of each, no special tokens in it).
"""
import hashlib
import json
import pathlib
import random
import sys

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[2]

SCRIPTS = [
    "The quick brown fox jumps over the lazy dog", "Ünïcödé façade naïve coöperate Straße ĲSSEL",
    "Добрый день, мир", "Καλημέρα κόσμε", "你好，世界！今天天气很好。", "こんにちは世界、カタカナとひらがな", "안녕하세요 세계",
    "مرحبا بالعالم", "שלום עולם", "नमस्ते दुनिया", "สวัสดีชาวโลก", "Chào thế giới", "ሰላም ልዑል", "გამარჯობა",
    "👋🌍 hello 👩‍👩‍👧‍👦 🇩🇪 👍🏽 ❤️", "e\u0301 a\u0308 o\u0302\u0301 Z\u0335\u0322\u0318a\u0321l\u0334g\u0336o",
    "ﬁ ﬂ Ⅳ ½ ² ① ｆｕｌｌ ｗｉｄｔｈ １２３", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝟙𝟚𝟛 𐍈 𠀀",
]
SPECIAL = ["<s>", "</s>", "<unk>", "<pad>", "<|endoftext|>", "<|im_start|>user\nhi<|im_end|>", "[INST] x [/INST]",
           "<0x0A>", "<0xE4>", "<user>", "a<user>b", "<user> x", "<sep><sep>", "▁", "▁▁", "a▁b", " ▁", "Ġ", "Ċ", "Ġthe"]
SPACES = ["", " ", "  ", "   ", "        ", " a", "a ", "  a  ", "a  b", "a   b", "a    b     c", "\t", "\ta", "a\tb",
          "\n", "\n\n", "\r\n", "a\nb", "a\n\nb", "a \n b", " \n", "\n ", "a\r\nb", "\u00a0", "a\u00a0b", "\u3000",
          "a\u2003b", "\u200b", "a\u200bb", "\ufeff", "\ufeffa", "a\ufeff b", "\u0085", "a\u0085b", "\u2028", "\u2060",
          "\x00", "a\x00b", "\x01\x02", "\x7f", "\x1b[0m", "a  \n\n  b", "if x:\n    y\n\treturn\n"]
NUMBERS = ["0", "12", "123", "1234", "12345678901234567890", "3.14159", "1,000,000", "-5", "+5", "1e-9", "0x1F", "٣٤٥",
           "१२३", "２０２４", "²³", "Ⅻ", "½", "v1.2.3-rc4", "a1b2c3"]
WORDS = ["don't", "DON'T", "it's we're they've I'll I'd I'm", "IT'S WE'RE", "'s", "''", "\"quoted\"", "“curly”", "…",
         "hello,world", "hello, world!", "(a)[b]{c}", "a+b=c", "x^2~y|z", "$100 <b>bold</b> &amp;", "snake_case camelCase",
         "http://example.org/a?b=c#d", "user@example.org", "!!!???", "....", "----", "______", "a" * 50, "ab" * 40,
         "aaa", "aaaa", "aaaaa", "abab", "lololol", "the the the", "ThE", "THE", "tHe", "Question", "answer:",
         "A mill stands by the river.", "loadmark answers one question: how fast?"]


def awkward_texts():
    texts = SPACES + SPECIAL + NUMBERS + WORDS + SCRIPTS
    texts += [" " + t for t in SCRIPTS] + [t + "\n" for t in SCRIPTS]
    rng = random.Random(5)
    pool = "".join(SCRIPTS) + " \n\t" + "abcdefghij etaoin 0123456789.,'-" * 6
    for _ in range(60):
        texts.append("".join(rng.choice(pool) for _ in range(rng.randint(1, 40))))
    for _ in range(30):
        texts.append("".join(chr(c) for c in (rng.randint(1, 0x2FFF) for _ in range(12))))
    texts = list(dict.fromkeys(texts))
    texts += [{"repeat": "The mill by the river. ", "times": 500}, {"repeat": "x", "times": 5000},
              {"repeat": "你好", "times": 800}, {"repeat": " ", "times": 3000}, {"repeat": "\n", "times": 700}]
    return texts


def text_of(entry):
    return entry if isinstance(entry, str) else entry["repeat"] * entry["times"]


def shorten(ids):
    ids = list(ids)
    if len(ids) <= 400:
        return ids
    return "sha256:" + hashlib.sha256(",".join(map(str, ids)).encode()).hexdigest()


def corpus():
    lines = (ROOT / "ARCHITECTURE.md").read_text().splitlines() + (ROOT / "README.md").read_text().splitlines()
    return [line for line in lines + (SCRIPTS * 8) + WORDS + NUMBERS if line.strip()]


def random_sequences(ids, rng, count=120):
    return [[rng.choice(ids) for _ in range(rng.randint(1, 24))] for _ in range(count)]


def write_json(name, value):
    (HERE / name).write_text(json.dumps(value, ensure_ascii=True, separators=(",", ":")) + "\n")


# ---- sentencepiece ----

SPM = {
    # As Llama's: bytes for what is unknown, nothing normalized, digits apart.
    "spm-bpe": dict(model_type="bpe", vocab_size=900, byte_fallback=True, normalization_rule_name="identity",
                    remove_extra_whitespaces=False, split_digits=True, allow_whitespace_only_pieces=True),
    # As T5's: NFKC, blanks thinned out, <unk>.
    "spm-unigram": dict(model_type="unigram", vocab_size=600, normalization_rule_name="nmt_nfkc",
                        user_defined_symbols=["<user>", "<sep>"], hard_vocab_limit=False, character_coverage=0.98),
    "spm-unigram-bytes": dict(model_type="unigram", vocab_size=800, normalization_rule_name="nfkc_cf", byte_fallback=True,
                              add_dummy_prefix=False, hard_vocab_limit=False, character_coverage=0.98),
    "spm-bpe-unknown": dict(model_type="bpe", vocab_size=700, normalization_rule_name="nmt_nfkc",
                            user_defined_symbols=["<user>", "<sep>", "\n"], character_coverage=0.98),
}


def make_spm(texts):
    import sentencepiece
    for name, options in SPM.items():
        folder = HERE / name
        folder.mkdir(exist_ok=True)
        sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(corpus()), model_prefix=str(folder / "tokenizer"),
                                                 num_threads=1, minloglevel=2, **options)
        (folder / "tokenizer.vocab").unlink()
        spm = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
        plain = [i for i in range(spm.vocab_size()) if not spm.is_control(i) and not spm.is_unknown(i)]
        rng = random.Random(7)
        sequences = random_sequences(plain, rng)
        if options.get("byte_fallback"):
            some = [i for i in plain if spm.is_byte(i)]
            sequences += random_sequences(some, rng, 40) + random_sequences(some + plain[-20:], rng, 80)
        # A first byte that is a blank is kept by sentencepiece and dropped by tokenizers: no case of either.
        sequences = [s for s in sequences if spm.id_to_piece(s[0]) != "<0x20>"]
        write_json(f"{name}/golden.json", {
            "madeBy": f"sentencepiece {sentencepiece.__version__}",
            "encoded": [shorten(spm.encode(text_of(t))) for t in texts],
            "sequences": sequences, "decoded": [spm.decode(s) for s in sequences],
        })


# ---- byte-level BPE as tokenizer.json ----

def train_bytes():
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=900, show_progress=False, special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(corpus(), trainer)
    return tokenizer


def make_bytes(texts):
    import tokenizers
    from tokenizers import Tokenizer
    folder = HERE / "byte-level"
    folder.mkdir(exist_ok=True)
    trained = train_bytes()
    trained.save(str(folder / "tokenizer.json"), pretty=False)
    write_json("byte-level/tokenizer_config.json", {"tokenizer_class": "GPT2Tokenizer", "bos_token": "<|im_start|>", "eos_token": "<|im_end|>"})
    # Special tokens in a text are plain characters here.
    definition = json.loads((folder / "tokenizer.json").read_text())
    plain = Tokenizer.from_str(json.dumps({**definition, "added_tokens": []}))
    rng = random.Random(7)
    sequences = random_sequences(list(range(3, trained.get_vocab_size())), rng)
    sequences += random_sequences(list(range(3, 259)), rng, 100)
    write_json("byte-level/golden.json", {
        "madeBy": f"tokenizers {tokenizers.__version__}",
        "encoded": [shorten(plain.encode(text_of(t), add_special_tokens=False).ids) for t in texts],
        "marked": [shorten(trained.encode(text_of(t), add_special_tokens=False).ids) for t in texts],
        "sequences": sequences, "decoded": [trained.decode(s, skip_special_tokens=True) for s in sequences],
    })


# ---- GGUF ----

GGUF_PRES = ["default", "gpt-2", "smollm", "llama-bpe", "qwen2"]


def write_gguf(path, fields):
    import gguf
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_block_count(1)
    writer.add_context_length(128)
    writer.add_embedding_length(8)
    writer.add_feed_forward_length(8)
    writer.add_head_count(1)
    writer.add_layer_norm_rms_eps(1e-5)
    fields(writer)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def make_gguf():
    import sentencepiece
    out = HERE / "gguf"
    out.mkdir(exist_ok=True)
    definition = json.loads((HERE / "byte-level" / "tokenizer.json").read_text())
    vocab = definition["model"]["vocab"]
    tokens = [t for t, _ in sorted(vocab.items(), key=lambda item: item[1])]
    merges = [" ".join(m) if isinstance(m, list) else m for m in definition["model"]["merges"]]
    for pre in GGUF_PRES:
        def fields(writer, pre=pre):
            writer.add_tokenizer_model("gpt2")
            if pre != "default":
                writer.add_tokenizer_pre(pre)
            writer.add_token_list(tokens + ["<user>"])
            writer.add_token_types([3] * 3 + [1] * (len(tokens) - 3) + [4])
            writer.add_token_merges(merges)
            writer.add_bos_token_id(1)
            writer.add_eos_token_id(2)
        write_gguf(out / f"gpt2-{pre}.gguf", fields)
    spm = sentencepiece.SentencePieceProcessor(model_file=str(HERE / "spm-bpe" / "tokenizer.model"))
    kinds = [2 if spm.is_unknown(i) else 3 if spm.is_control(i) else 6 if spm.is_byte(i) else 1 for i in range(spm.vocab_size())]

    def llama(prefix):
        def fields(writer):
            writer.add_tokenizer_model("llama")
            writer.add_token_list([spm.id_to_piece(i) for i in range(spm.vocab_size())])
            writer.add_token_scores([spm.get_score(i) for i in range(spm.vocab_size())])
            writer.add_token_types(kinds)
            writer.add_bos_token_id(1)
            writer.add_eos_token_id(2)
            writer.add_unk_token_id(0)
            if not prefix:
                writer.add_add_space_prefix(False)
                writer.add_add_bos_token(False)
        return fields
    write_gguf(out / "llama.gguf", llama(True))
    write_gguf(out / "llama-no-prefix.gguf", llama(False))


if __name__ == "__main__":
    if "--gguf" in sys.argv:
        make_gguf()
    else:
        all_texts = awkward_texts()
        write_json("texts.json", all_texts)
        make_spm(all_texts)
        make_bytes(all_texts)
