#!/usr/bin/env python3
# SPDX-License-Identifier: CC0-1.0
"""Trains a small Qwen2-shaped language model on the King James Bible and writes it as GGUF (F16).

One file, no downloads. It needs only Debian packages and the gguf-py folder of a llama.cpp tree:

    apt-get install python3-torch python3-numpy libopenblas0-pthread bible-kjv bible-kjv-text
    python3 train.py --gguf-py LLAMA_CPP/gguf-py --work WORK --minutes 35

Stages, each kept in --work and skipped when its result is there already:
  text       the Bible, one verse a line; the last 2 % (whole chapters) become heldout.txt
  tokenizer  byte-level BPE, 1024 entries (llama.cpp: model "gpt2", pre-tokenizer "qwen2")
  training   AdamW, warm-up and cosine decay over --steps; a run stops after --minutes, and the
             same command again goes on from the checkpoint (batches and dropout depend on the
             seed and the step number only, so a stop changes nothing)
  report     held-out perplexity counted the way llama-perplexity counts it, beside n-gram models
  export     GGUF: F16 matrices, F32 norms and biases
"""
import argparse, collections, json, math, os, re, subprocess, sys, time, unicodedata

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

NAME, EOT = "rosenblatt-kjv", "<|endoftext|>"
VOCAB, CTX, DIM, LAYERS, HEADS, KV_HEADS, HEAD_DIM, FFN = 1024, 256, 256, 4, 4, 2, 64, 768
ROPE_BASE, EPS = 10000.0, 1e-6

# --------------------------------------------------------------------------------------- text
ABBREVIATED = """Ge Exo Lev Num Deu Josh Jdgs Ruth 1Sm 2Sm 1Ki 2Ki 1Chr 2Chr Ezra Neh Est Job Psa
Prv Eccl SSol Isa Jer Lam Eze Dan Hos Joel Amos Obad Jonah Mic Nahum Hab Zep Hag Zec Mal Mat Mark
Luke John Acts Rom 1Cor 2Cor Gal Eph Phi Col 1Th 2Th 1Tim 2Tim Titus Phmn Heb Jas 1Pet 2Pet 1Jn 2Jn
3Jn Jude Rev""".split()
BOOKS = """Genesis,Exodus,Leviticus,Numbers,Deuteronomy,Joshua,Judges,Ruth,1 Samuel,2 Samuel,1 Kings,
2 Kings,1 Chronicles,2 Chronicles,Ezra,Nehemiah,Esther,Job,Psalms,Proverbs,Ecclesiastes,Song of
Solomon,Isaiah,Jeremiah,Lamentations,Ezekiel,Daniel,Hosea,Joel,Amos,Obadiah,Jonah,Micah,Nahum,
Habakkuk,Zephaniah,Haggai,Zechariah,Malachi,Matthew,Mark,Luke,John,Acts,Romans,1 Corinthians,
2 Corinthians,Galatians,Ephesians,Philippians,Colossians,1 Thessalonians,2 Thessalonians,1 Timothy,
2 Timothy,Titus,Philemon,Hebrews,James,1 Peter,2 Peter,1 John,2 John,3 John,Jude,Revelation"""
BOOKS = [" ".join(b.split()) for b in BOOKS.split(",")]


def load_text(heldout_share=0.02):
    """Returns (training documents, held-out text). A document is a book, a chapter is a heading
    line and its verses, one a line; a blank line parts chapters."""
    raw = subprocess.run(["bible", "-f", "gen1:1-rev22:21"], check=True, capture_output=True, text=True).stdout
    name, chapters = dict(zip(ABBREVIATED, BOOKS)), []
    for line in raw.splitlines():
        book, chapter, verse = re.match(r"(\w+?)(\d+):\d+ (.*)", line).groups()
        if not chapters or chapters[-1][:2] != [name[book], chapter]:
            chapters.append([name[book], chapter, f"{name[book]} {chapter}\n"])
        chapters[-1][2] += verse.strip() + "\n"
    total, kept, cut = sum(len(c[2]) for c in chapters), 0, len(chapters)
    while kept < heldout_share * total:
        cut -= 1
        kept += len(chapters[cut][2])
    books = collections.OrderedDict()
    for book, _, text in chapters[:cut]:
        books.setdefault(book, []).append(text)
    return ["\n".join(c) for c in books.values()], "\n".join(c[2] for c in chapters[cut:])


# ---------------------------------------------------------------------------------- tokenizer
def byte_table():
    """GPT-2's map from bytes to printable characters, in GPT-2's order."""
    keep = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in keep]
    return {**{b: chr(b) for b in keep}, **{b: chr(256 + i) for i, b in enumerate(rest)}}


def unicode_class(letter):
    """The inside of a regular-expression class with every code point of a general category."""
    spans, start = [], None
    for cp in range(sys.maxunicode + 2):
        inside = cp <= sys.maxunicode and unicodedata.category(chr(cp))[0] == letter
        if inside and start is None:
            start = cp
        elif not inside and start is not None:
            spans.append("\\U%08x-\\U%08x" % (start, cp - 1))
            start = None
    return "".join(spans)


class Tokenizer:
    def __init__(self, merges):
        self.bytes = byte_table()
        self.merges = [tuple(m) for m in merges]
        self.rank = {m: i for i, m in enumerate(self.merges)}
        self.tokens = list(self.bytes.values()) + [a + b for a, b in self.merges] + [EOT]
        self.id = {t: i for i, t in enumerate(self.tokens)}
        self.eot = self.id[EOT]
        L, N = unicode_class("L"), unicode_class("N")
        self.split = re.compile(  # the "qwen2" pre-tokenizer
            r"'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]"
            rf"|[^\r\n{L}{N}]?[{L}]+|[{N}]| ?[^\s{L}{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+").findall
        self.cache = {}

    def words(self, text):
        return ("".join(self.bytes[b] for b in w.encode()) for w in self.split(text))

    def encode_word(self, word):
        if word not in self.cache:
            parts = list(word)
            while len(parts) > 1:
                best = min(zip(parts, parts[1:]), key=lambda p: self.rank.get(p, 1 << 30))
                if best not in self.rank:
                    break
                parts = join(parts, best)
            self.cache[word] = [self.id[p] for p in parts]
        return self.cache[word]

    def encode(self, text):
        return [i for w in self.words(text) for i in self.encode_word(w)]

    @staticmethod
    def train(documents):
        self = Tokenizer([])
        counts = collections.Counter(w for d in documents for w in self.words(d))
        words, weight = [list(w) for w in counts], list(counts.values())
        pairs, where = collections.Counter(), collections.defaultdict(set)
        for i, w in enumerate(words):
            for p in zip(w, w[1:]):
                pairs[p] += weight[i]
                where[p].add(i)
        merges, taken = [], set(self.tokens)
        while len(merges) < VOCAB - 256 - 1:
            best = max(pairs, key=lambda p: (pairs[p], p))
            affected = where.pop(best)
            if best[0] + best[1] in taken:      # the same string by another way: no second entry
                del pairs[best]
                continue
            taken.add(best[0] + best[1])
            merges.append(best)
            for i in affected:
                for p in zip(words[i], words[i][1:]):
                    pairs[p] -= weight[i]
                words[i] = join(words[i], best)
                for p in zip(words[i], words[i][1:]):
                    pairs[p] += weight[i]
                    where[p].add(i)
            pairs.pop(best, None)
        return Tokenizer(merges)


def join(parts, pair):
    out, i = [], 0
    while i < len(parts):
        if i + 1 < len(parts) and (parts[i], parts[i + 1]) == pair:
            out.append(parts[i] + parts[i + 1])
            i += 2
        else:
            out.append(parts[i])
            i += 1
    return out


# -------------------------------------------------------------------------------------- model
class RMSNorm(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x):
        x = x.float()
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + EPS) * self.weight


def rope(x, cos, sin):  # "neox" order: dimension i turns with dimension i + HEAD_DIM / 2
    a, b = x.chunk(2, dim=-1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), dim=-1)


class Block(nn.Module):
    def __init__(self, dropout):
        super().__init__()
        self.attn_norm, self.ffn_norm = RMSNorm(DIM), RMSNorm(DIM)
        self.attn_q = nn.Linear(DIM, HEADS * HEAD_DIM)
        self.attn_k = nn.Linear(DIM, KV_HEADS * HEAD_DIM)
        self.attn_v = nn.Linear(DIM, KV_HEADS * HEAD_DIM)
        self.attn_output = nn.Linear(HEADS * HEAD_DIM, DIM, bias=False)
        self.ffn_gate = nn.Linear(DIM, FFN, bias=False)
        self.ffn_up = nn.Linear(DIM, FFN, bias=False)
        self.ffn_down = nn.Linear(FFN, DIM, bias=False)
        self.dropout = dropout

    def drop(self, x):  # one mask for all positions of a row: far fewer random numbers
        return x * F.dropout(x.new_ones(x.shape[0], 1, DIM), self.dropout) if self.training else x

    def forward(self, x, cos, sin, mask):
        B, T, _ = x.shape
        h = self.attn_norm(x)
        q = rope(self.attn_q(h).view(B, T, HEADS, HEAD_DIM).transpose(1, 2), cos, sin)
        k = rope(self.attn_k(h).view(B, T, KV_HEADS, HEAD_DIM).transpose(1, 2), cos, sin)
        v = self.attn_v(h).view(B, T, KV_HEADS, HEAD_DIM).transpose(1, 2)
        # grouped-query attention: the queries that share a key head are stacked along time
        G = HEADS // KV_HEADS
        q = q.reshape(B, KV_HEADS, G * T, HEAD_DIM) * HEAD_DIM ** -0.5
        s = (q @ k.transpose(2, 3)).view(B, KV_HEADS, G, T, T) + mask
        a = s.softmax(-1).to(v.dtype).view(B, KV_HEADS, G * T, T) @ v
        a = a.view(B, HEADS, T, HEAD_DIM).transpose(1, 2).reshape(B, T, HEADS * HEAD_DIM)
        x = x + self.drop(self.attn_output(a))
        h = self.ffn_norm(x)
        return x + self.drop(self.ffn_down(F.silu(self.ffn_gate(h)) * self.ffn_up(h)))


class Model(nn.Module):
    def __init__(self, dropout=0.0):
        super().__init__()
        self.token_embd = nn.Embedding(VOCAB, DIM)          # also the output matrix (tied)
        self.blk = nn.ModuleList(Block(dropout) for _ in range(LAYERS))
        self.output_norm = RMSNorm(DIM)
        for key, p in self.named_parameters():
            if p.dim() == 2:
                deep = key.endswith(("attn_output.weight", "ffn_down.weight"))
                nn.init.normal_(p, std=0.02 / math.sqrt(2 * LAYERS) if deep else 0.02)
            elif key.endswith("bias"):
                nn.init.zeros_(p)
        angle = torch.arange(CTX)[:, None] * ROPE_BASE ** (-torch.arange(0, HEAD_DIM, 2) / HEAD_DIM)
        self.register_buffer("cos", angle.cos(), persistent=False)
        self.register_buffer("sin", angle.sin(), persistent=False)
        self.register_buffer("mask", torch.full((CTX, CTX), -1e9).triu(1), persistent=False)

    def forward(self, tokens):
        T, x = tokens.shape[1], self.token_embd(tokens)
        for block in self.blk:
            x = block(x, self.cos[:T], self.sin[:T], self.mask[:T, :T])
        return F.linear(self.output_norm(x), self.token_embd.weight).float()


# --------------------------------------------------------------------------- training, report
def heldout_loss(model, ids):
    """Mean loss a token, counted as llama-perplexity -c CTX does: chunks that don't overlap, of
    each only the tokens after the first half."""
    model.eval()
    chunks = torch.tensor(ids[: len(ids) // CTX * CTX]).view(-1, CTX)
    with torch.no_grad():
        losses = [F.cross_entropy(model(c)[:, CTX // 2:-1].reshape(-1, VOCAB), c[:, CTX // 2 + 1:].reshape(-1))
                  * len(c) for c in chunks.split(16)]
    model.train()
    return float(sum(losses)) / len(chunks)


def ngram_losses(train, ids):
    """Unigram, bigram and interpolated trigram loss on the same held-out tokens, for comparison."""
    u, b, t = collections.Counter(train), collections.Counter(zip(train, train[1:])), \
        collections.Counter(zip(train, train[1:], train[2:]))
    follow = collections.Counter(p[0] for p in b), collections.Counter(p[:2] for p in t)
    sums = np.zeros(3)
    where = [i for c in range(len(ids) // CTX) for i in range(c * CTX + CTX // 2 + 1, (c + 1) * CTX)]
    for i in where:  # Witten-Bell smoothing
        x, y, z = ids[i - 2:i + 1]
        p1 = (u[z] + 1) / (len(train) + VOCAB)
        p2 = (b[y, z] + follow[0][y] * p1) / max(u[y] + follow[0][y], 1e-9) if u[y] else p1
        p3 = (t[x, y, z] + follow[1][x, y] * p2) / (b[x, y] + follow[1][x, y]) if b[x, y] else p2
        sums -= np.log([p1, p2, p3])
    return sums / len(where)


def train(args, data, heldout, log):
    path = os.path.join(args.work, "checkpoint.pt")
    torch.manual_seed(args.seed)
    model = Model(args.dropout)
    decay = [p for p in model.parameters() if p.dim() == 2]
    plain = [p for p in model.parameters() if p.dim() < 2]
    opt = torch.optim.AdamW([dict(params=decay, weight_decay=args.weight_decay),
                             dict(params=plain, weight_decay=0.0)], lr=args.lr, betas=(0.9, 0.95))
    step, spent = 0, 0.0
    if os.path.exists(path):
        state = torch.load(path)
        model.load_state_dict(state["model"])
        opt.load_state_dict(state["opt"])
        step, spent = state["step"], state["spent"]
        log(f"going on from step {step}")
    begun, average, data = time.time(), None, torch.tensor(data)
    minutes = lambda: (time.time() - begun) / 60

    def save():
        torch.save(dict(model=model.state_dict(), opt=opt.state_dict(), step=step, spent=spent + minutes()), path + ".new")
        os.replace(path + ".new", path)

    while step < min(args.steps, args.stop or args.steps) and minutes() < args.minutes:
        at = (step - args.warmup) / max(1, args.steps - args.warmup)
        lr = args.lr * ((step + 1) / args.warmup if at < 0 else 0.02 + 0.98 * (1 + math.cos(math.pi * at)) / 2)
        for group in opt.param_groups:
            group["lr"] = lr
        torch.manual_seed(args.seed * 1000003 + step)
        start = torch.randint(len(data) - CTX, (args.batch,))
        rows = torch.stack([data[s:s + CTX + 1] for s in start])
        with torch.autocast("cpu", torch.bfloat16, enabled=args.bf16):
            logits = model(rows[:, :-1])
        loss = F.cross_entropy(logits.view(-1, VOCAB), rows[:, 1:].reshape(-1))
        opt.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        step += 1
        average = loss.item() if average is None else 0.98 * average + 0.02 * loss.item()
        if step % 50 == 0 or step == args.steps:
            test = f"  held-out {heldout_loss(model, heldout):.4f}" if step % 250 == 0 or step == args.steps else ""
            log(f"step {step:5d}  lr {lr:.2e}  train {average:.4f}{test}  {spent + minutes():.1f} min")
        if step % 250 == 0:
            save()
    save()
    return model.eval(), step, spent + minutes()


# ------------------------------------------------------------------------------------- export
def export(model, tok, path):
    import gguf
    w = gguf.GGUFWriter(path, "qwen2")
    w.add_name(NAME)
    w.add_description("Small Qwen2-shaped model trained on the King James Bible")
    w.add_license("CC0-1.0")
    w.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    w.add_quantization_version(gguf.GGML_QUANT_VERSION)
    w.add_vocab_size(VOCAB)
    w.add_context_length(CTX)
    w.add_embedding_length(DIM)
    w.add_block_count(LAYERS)
    w.add_feed_forward_length(FFN)
    w.add_head_count(HEADS)
    w.add_head_count_kv(KV_HEADS)
    w.add_rope_freq_base(ROPE_BASE)
    w.add_layer_norm_rms_eps(EPS)
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("qwen2")
    w.add_token_list(tok.tokens)
    w.add_token_types([gguf.TokenType.CONTROL if t == EOT else gguf.TokenType.NORMAL for t in tok.tokens])
    w.add_token_merges([" ".join(m) for m in tok.merges])
    for add in (w.add_bos_token_id, w.add_eos_token_id, w.add_pad_token_id):
        add(tok.eot)
    w.add_add_bos_token(False)
    for key, value in model.state_dict().items():   # the names are GGUF's already
        value = value.float().numpy()
        w.add_tensor(key, value.astype(np.float16) if value.ndim == 2 else value)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--gguf-py", help="the gguf-py folder of a llama.cpp tree (for the export)")
    ap.add_argument("--work", default="work", help="folder for everything written")
    ap.add_argument("--minutes", type=float, default=35, help="wall time of this run's training")
    ap.add_argument("--steps", type=int, default=2400, help="length of the schedule; a shorter one may end a run sooner")
    ap.add_argument("--stop", type=int, help="stop after this step of the schedule")
    ap.add_argument("--batch", type=int, default=16)
    ap.add_argument("--lr", type=float, default=2e-3)
    ap.add_argument("--warmup", type=int, default=100)
    ap.add_argument("--dropout", type=float, default=0.1)
    ap.add_argument("--weight-decay", type=float, default=0.1)
    ap.add_argument("--seed", type=int, default=1957)
    ap.add_argument("--threads", type=int, default=2)
    ap.add_argument("--bf16", action="store_true", help="train in bfloat16 (faster where the CPU has AMX)")
    ap.add_argument("--tokenize", metavar="FILE", help="print each line's token ids and stop")
    args = ap.parse_args()
    if args.gguf_py:
        sys.path.insert(0, args.gguf_py)
        import gguf  # noqa: F401  (fail now rather than after the training)
    torch.set_num_threads(args.threads)
    os.makedirs(args.work, exist_ok=True)
    inside = lambda name: os.path.join(args.work, name)

    def log(line):
        print(line, flush=True)
        with open(inside("log.txt"), "a") as f:
            f.write(line + "\n")

    documents, heldout_text = load_text()
    with open(inside("heldout.txt"), "w") as f:
        f.write(heldout_text)
    if not os.path.exists(inside("merges.json")):
        begun = time.time()
        with open(inside("merges.json"), "w") as f:
            json.dump(Tokenizer.train(documents).merges, f)
        log(f"tokenizer trained in {time.time() - begun:.0f} s")
    tok = Tokenizer(json.load(open(inside("merges.json"))))
    if args.tokenize:
        for line in open(args.tokenize, newline="\n"):
            print(tok.encode(line.rstrip("\n")))
        return
    data = [i for d in documents for i in tok.encode(d) + [tok.eot]]
    heldout = tok.encode(heldout_text)
    log(f"text: {sum(map(len, documents))} bytes, {len(data)} tokens; held out: {len(heldout_text)} bytes, "
        f"{len(heldout)} tokens; parameters: {sum(p.numel() for p in Model().parameters())}")

    model, step, spent = train(args, data, heldout, log)
    log(f"trained {step} steps ({step * args.batch * CTX / len(data):.1f} epochs) in {spent:.1f} minutes")
    loss = heldout_loss(model, heldout)
    scale = len(heldout) / len(heldout_text.encode()) / math.log(2)
    for name, value in [*zip(("unigram", "bigram", "trigram"), ngram_losses(data, heldout)), ("this model", loss)]:
        log(f"held-out {name:10s}: loss {value:.4f}, perplexity {math.exp(value):.4f}, bits a byte {value * scale:.3f}")
    if args.gguf_py:
        export(model, tok, inside(f"{NAME}-f16.gguf"))
        log(f"wrote {NAME}-f16.gguf, {os.path.getsize(inside(f'{NAME}-f16.gguf'))} bytes")


if __name__ == "__main__":
    main()
