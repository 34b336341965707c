// What llama.cpp makes of texts.json with the vocabularies of GGUF files. Needs node-llama-cpp, which is no dependency:
//   npm install --prefix DIR --omit=optional node-llama-cpp@3.22.1 @node-llama-cpp/linux-x64@3.22.1
//   node llama-cpp.mjs DIR            the files beside this one: writes gguf/golden.json
//   node llama-cpp.mjs DIR FILE OUT   another file
// encoded: token ids of each text, its special tokens plain characters; marked: the same with special tokens read as such,
// of SmolLM2-like files alone; "sha256:..." where there are more than 400. sequences and decoded as in make.py.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const [peer, file, out] = process.argv.slice(2);
const entry = createRequire(join(resolve(peer), 'x.js')).resolve('node-llama-cpp');
const { getLlama } = await import(pathToFileURL(entry));
const llama = await getLlama({ gpu: false, build: 'never', logLevel: 'error' });
const texts = JSON.parse(readFileSync(join(here, 'texts.json'), 'utf8')).map((text) =>
  typeof text === 'string' ? text : text.repeat.repeat(text.times),
);

function shorten(ids) {
  if (ids.length <= 400) return [...ids];
  return `sha256:${createHash('sha256').update([...ids].join(',')).digest('hex')}`;
}

/** Numbers that repeat: a linear congruential generator. */
function drawSequences(vocabSize, first) {
  let state = 12345;
  const draw = (n) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
  return Array.from({ length: 150 }, () =>
    Array.from({ length: 1 + draw(20) }, () => first + draw(vocabSize - first)),
  );
}

async function describe(path) {
  const model = await llama.loadModel({ modelPath: path, vocabOnly: true });
  const { tokens } = model.fileInfo.metadata.tokenizer.ggml;
  const first = tokens.findLastIndex((token) => /^<.*>$/.test(token) && !/^<0x/.test(token)) + 1;
  const sequences = drawSequences(tokens.length, first > tokens.length / 2 ? 20 : first);
  const golden = {
    encoded: texts.map((text) => shorten(model.tokenize(text, false))),
    marked: texts.map((text) => shorten(model.tokenize(text, true))),
    addsBos: model.tokens.shouldPrependBosToken,
    sequences,
    decoded: sequences.map((sequence) => model.detokenize(sequence, false)),
  };
  await model.dispose();
  return golden;
}

const madeBy = 'llama.cpp by node-llama-cpp 3.22.1';
if (file === undefined) {
  const golden = { madeBy };
  for (const name of readdirSync(join(here, 'gguf')).filter((name) => name.endsWith('.gguf'))) {
    golden[name] = await describe(join(here, 'gguf', name));
  }
  writeFileSync(join(here, 'gguf', 'golden.json'), `${JSON.stringify(golden)}\n`);
} else {
  writeFileSync(out, `${JSON.stringify({ madeBy, ...(await describe(resolve(file))) })}\n`);
}
await llama.dispose();
