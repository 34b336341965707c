// Which files of a repository are wanted? Those that the patterns name; of a model, without patterns, the ones that this
// engine reads: not the same weights once more in other formats.

import { InputError } from '../errors.js';
import type { HubFile } from './hub.js';
import type { HubRepository } from './hub-name.js';

/** Weights in other formats, and copies in the form of the model's maker. */
const otherWeights =
  /(?:\.(?:bin|pt|pth|ckpt|h5|msgpack|ot|onnx|onnx_data|tflite|gguf|mlmodel|npz)$)|(?:^|\/)(?:original|onnx|openvino|coreml|metal)\//;

/** @throws InputError when nothing is left, or when one of many has to be named. */
export function chooseFiles(
  files: readonly HubFile[],
  repository: HubRepository,
  include: readonly string[],
  exclude: readonly string[],
): HubFile[] {
  const name = `${repository.kind} ${repository.id}`;
  const [isIncluded, isExcluded] = [include, exclude].map(matcherOf) as [Matcher, Matcher];
  const named = include.length > 0 ? files.filter(({ path }) => isIncluded(path)) : [...files];
  const kept = named.filter(({ path }) => !isExcluded(path) && path !== '.gitattributes');
  const refuse = (message: string) => new InputError([{ where: 'bench pull', message }]);
  if (kept.length === 0) {
    throw refuse(`${name} has no such file; it has ${listPaths(files)}`);
  }
  if (include.length > 0 || repository.kind === 'dataset') return kept;
  const hasSafetensors = kept.some(({ path }) => path.endsWith('.safetensors'));
  const packed = kept.filter(({ path }) => path.endsWith('.gguf'));
  if (!hasSafetensors && packed.length > 1) {
    throw refuse(
      `${name} has ${packed.length} GGUF files; allowed: --include with one of ${listPaths(packed)}`,
    );
  }
  if (!hasSafetensors) return kept;
  return kept.filter(({ path }) => !otherWeights.test(path));
}

type Matcher = (path: string) => boolean;

/** `*` stands for anything within a folder, `**` for folders too, `?` for one character. */
function matcherOf(globs: readonly string[]): Matcher {
  const patterns = globs.map((glob) => {
    const source = glob
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('**', '\0')
      .replaceAll('*', '[^/]*')
      .replaceAll('\0', '.*')
      .replaceAll('?', '[^/]');
    // A pattern without a folder is for names, in whatever folder.
    return new RegExp(`${glob.includes('/') ? '^' : '(?:^|/)'}${source}$`);
  });
  return (path) => patterns.some((pattern) => pattern.test(path));
}

function listPaths(files: readonly HubFile[]): string {
  const paths = files.slice(0, 20).map(({ path }) => path);
  const left = files.length - paths.length;
  return `${paths.join(', ') || 'none'}${left > 0 ? ` and ${left} more` : ''}`;
}
