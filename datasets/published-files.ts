// Which files do MLCommons' LLM benchmarks use, and which checksums are known of them? Facts with their sources; reading
// the files is others' business.

import { basename } from 'node:path';

/** A dataset that can be asked for by its name. */
export interface PublishedFile {
  readonly name: string;
  /** As MLCommons distributes it; the same with ".gz" is found too. */
  readonly file: string;
  readonly rows: number;
  /** Of the file, unpacked; null where no source is known. */
  readonly checksum: { readonly sha256: string; readonly by: string } | null;
  readonly benchmark: string;
  /** What MLCommons' own downloader is given. */
  readonly uri: string | null;
}

const r2 = 'https://inference.mlcommons-storage.org/metadata';
// The endpoints client of MLCommons (mlcommons/endpoints, predefined/open_orca) holds what it loads to it.
const byMlcommons = "MLCommons' endpoints client";
// No page of MLCommons says these; an installer that submitters share does, and its sum of OpenOrca is MLCommons'.
const byInstaller = "a submitters' installer, whose checksum of OpenOrca is MLCommons'";

export const publishedFiles: readonly PublishedFile[] = [
  {
    name: 'open-orca',
    file: 'open_orca_gpt4_tokenized_llama.sampled_24576.pkl',
    rows: 24_576,
    checksum: {
      sha256: 'b64e66e54b6267f79eb4f9ccec52d466bab3ac94747ed258c3b0f337ed166fab',
      by: byMlcommons,
    },
    benchmark: 'llama2-70b',
    uri: `${r2}/llama-2-70b-open-orca-dataset.uri`,
  },
  {
    name: 'cnn-dailymail',
    file: 'cnn_eval.json',
    rows: 13_368,
    checksum: {
      sha256: '6d066a21bd615909466885d53b664b73c5aabc32d60c1cbd03f4293de6430026',
      by: byInstaller,
    },
    benchmark: 'llama3.1-8b',
    uri: `${r2}/llama3-1-8b-cnn-eval.uri`,
  },
  {
    name: 'cnn-dailymail-edge',
    file: 'sample_cnn_eval_5000.json',
    rows: 5_000,
    checksum: {
      sha256: '2d1a21eadd8ef7547d2f5fba939a9e1886a22ee926fe3781cb8934d3a01445db',
      by: byInstaller,
    },
    benchmark: 'llama3.1-8b-edge',
    uri: `${r2}/llama3-1-8b-sample-cnn-eval-5000.uri`,
  },
  {
    name: 'cnn-dailymail-gptj',
    file: 'cnn_eval.json',
    rows: 13_368,
    checksum: null,
    benchmark: 'gptj',
    uri: null,
  },
];

export function findPublishedFile(name: string): PublishedFile | undefined {
  return publishedFiles.find((known) => known.name === name);
}

/** What is known of a file by its own name; null where that is nothing, or where two files share the name. */
export function findPublished(path: string): PublishedFile['checksum'] {
  const file = basename(path).replace(/\.gz$/, '');
  const known = publishedFiles.filter((published) => published.file === file);
  return known.length === 1 ? known[0]!.checksum : null;
}
