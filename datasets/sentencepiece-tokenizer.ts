// From SentencePiece's pieces to the structure of tokenizer.json that cuts texts in the same way. The pieces may come
// from tokenizer.model or from a GGUF file.

import type { JsonObject } from './json-object.js';
import type { Piece, PieceKind, SentencePieceModel } from './sentencepiece-model.js';
import { blankMark, buildNormalizer } from './sentencepiece-normalizer.js';
import { type AddedToken, addedToken, type TokenizerParts } from './tokenizer-parts.js';

export type SentencePieceParts = Pick<
  TokenizerParts,
  'definition' | 'normalize' | 'mergeRanks' | 'byteIds'
>;

/**
 * @param extra tokens that other files add to the model's.
 * @param prefixesEveryStretch a blank goes in front of the text after a special token too.
 * @throws Error naming the pieces that contradict each other.
 */
export function buildFromPieces(
  model: SentencePieceModel,
  extra: readonly AddedToken[],
  prefixesEveryStretch: boolean,
): SentencePieceParts {
  const { pieces } = model;
  checkPieces(pieces);
  const byteIds = model.byteFallback ? findByteIds(pieces) : null;
  const own = pieces.flatMap(({ text, kind }, id) =>
    kind === 'normal' || kind === 'byte' ? [] : [addedToken(id, text, kind !== 'user-defined')],
  );
  const known = new Set(own.map(({ id }) => id));
  const added = [...own, ...extra.filter(({ id }) => !known.has(id))];
  const kept = added.filter(({ special }) => !special).map(({ content }) => content);
  const normalizer = buildNormalizer(model, kept);
  const hasPrefix = (isFirst: boolean) =>
    model.addsBlankPrefix && (prefixesEveryStretch || isFirst);
  const merges = model.model === 'bpe' ? rankMerges(pieces) : null;
  return {
    definition: {
      added_tokens: added,
      normalizer: null,
      pre_tokenizer: null,
      post_processor: null,
      decoder: describeDecoder(model.addsBlankPrefix || model.removesExtraBlanks),
      model:
        merges === null
          ? describeUnigram(model)
          : describeBpe(model, merges.pairs, byteIds !== null),
    },
    normalize: (text, isFirst) => normalizer(text, hasPrefix(isFirst)),
    mergeRanks: merges?.ranks ?? null,
    byteIds: model.model === 'unigram' ? byteIds : null,
  };
}

function checkPieces(pieces: readonly Piece[]): void {
  const idOf = new Map<string, number>();
  for (const [id, { text, kind }] of pieces.entries()) {
    const earlier = idOf.get(text);
    if (earlier !== undefined) {
      throw new Error(`tokens ${earlier} and ${id} are both ${JSON.stringify(text)}`);
    }
    idOf.set(text, id);
    if (kind === 'unused') {
      throw new Error(
        `token ${id}, ${JSON.stringify(text)}, is marked as unused; allowed: none is`,
      );
    }
  }
}

/** @throws Error naming the byte without a piece. */
function findByteIds(pieces: readonly Piece[]): number[] {
  const ids = new Map(pieces.map(({ text, kind }, id) => [kind === 'byte' ? text : '', id]));
  return Array.from({ length: 256 }, (_, byte) => {
    const name = `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
    const id = ids.get(name);
    if (id === undefined) throw new Error(`it falls back to bytes, but has no piece ${name}`);
    return id;
  });
}

/**
 * Every pair of pieces that makes a third. SentencePiece merges the pair whose result scores most, the leftmost of
 * equals: pairs of equal results are of one rank.
 */
function rankMerges(pieces: readonly Piece[]): {
  pairs: [string, string][];
  ranks: number[];
} {
  const isMade = (kind: PieceKind) => kind === 'normal';
  const normal = new Set(pieces.filter(({ kind }) => isMade(kind)).map(({ text }) => text));
  const byScore = pieces.filter(({ kind }) => isMade(kind)).toSorted((a, b) => b.score - a.score);
  const pairs: [string, string][] = [];
  const ranks: number[] = [];
  let rank = -1;
  let lastScore = Number.NaN;
  for (const { text, score } of byScore) {
    if (score !== lastScore) rank++;
    lastScore = score;
    for (let cut = 1; cut < text.length; cut++) {
      const left = text.slice(0, cut);
      const right = text.slice(cut);
      if (!normal.has(left) || !normal.has(right)) continue;
      pairs.push([left, right]);
      ranks.push(rank);
    }
  }
  return { pairs, ranks };
}

function describeBpe(
  { pieces, unknownId }: SentencePieceModel,
  merges: readonly [string, string][],
  byteFallback: boolean,
): JsonObject {
  return {
    type: 'BPE',
    vocab: Object.fromEntries(pieces.map(({ text }, id) => [text, id])),
    merges,
    unk_token: unknownId === null ? null : pieces[unknownId]!.text,
    fuse_unk: true,
    byte_fallback: byteFallback,
  };
}

function describeUnigram({ pieces, unknownId }: SentencePieceModel): JsonObject {
  if (unknownId === null) throw new Error('a unigram model needs a piece for what is unknown');
  const vocab = pieces.map(({ text, score }) => [text, score]);
  return { type: 'Unigram', vocab, unk_id: unknownId };
}

function describeDecoder(dropsFirstBlank: boolean): JsonObject {
  const steps: JsonObject[] = [
    { type: 'Replace', pattern: { String: blankMark }, content: ' ' },
    { type: 'ByteFallback' },
    { type: 'Fuse' },
  ];
  if (dropsFirstBlank) steps.push({ type: 'Strip', content: ' ', start: 1, stop: 0 });
  return { type: 'Sequence', decoders: steps };
}
