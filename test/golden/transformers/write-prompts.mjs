// Writes the prompts that make.py --prompts reads: token ids of the first rows of tiny-orca's test split, BOS in front,
// as the harness asks them. Run from a built checkout:
//   node test/golden/transformers/write-prompts.mjs configs/models/tiny 200 prompts.json
import { writeFileSync } from 'node:fs';
import { loadTokenizer, openDataset } from '../../../dist/datasets/index.js';

const [folder, count, out] = process.argv.slice(2);
const tokenizer = await loadTokenizer(folder);
const dataset = openDataset('tiny-orca', 'test');
const bos = tokenizer.bosId === null ? [] : [tokenizer.bosId];
const prompts = Array.from({ length: Number(count) }, (_, i) => [
  ...bos,
  ...tokenizer.encode(dataset.sample(i).prompt),
]);
writeFileSync(out, `${JSON.stringify(prompts)}\n`);
