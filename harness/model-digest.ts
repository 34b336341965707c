// Which checkpoint is this? One digest over its configuration, tokenizer and weights.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isFile } from './config-files.js';

/** sha256 (hex) over name and content of every .json and .safetensors file, in the order of their names; of a .gguf file. */
export async function digestFolder(folder: string): Promise<string> {
  if (isFile(folder)) return digestFile(folder);
  const names = (await readdir(folder)).filter((name) => /\.(json|safetensors)$/.test(name)).sort();
  const total = createHash('sha256');
  for (const name of names) total.update(`${name}\n${await digestFile(join(folder, name))}\n`);
  return total.digest('hex');
}

async function digestFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk);
  return hash.digest('hex');
}
