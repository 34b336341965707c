// What stands in a SentencePiece model (tokenizer.model): its pieces with their scores and kinds, and how it treats
// blanks. Source: sentencepiece_model.proto of google/sentencepiece. Making tokens of it is others' business.

import { type ProtobufField, readFields } from './protobuf.js';

/** As the proto numbers them; GGUF's token types have the same numbers. */
export const pieceKinds = {
  1: 'normal',
  2: 'unknown',
  3: 'control',
  4: 'user-defined',
  5: 'unused',
  6: 'byte',
} as const;
export type PieceKind = (typeof pieceKinds)[keyof typeof pieceKinds];

export interface Piece {
  readonly text: string;
  readonly score: number;
  readonly kind: PieceKind;
}

export interface SentencePieceModel {
  readonly model: 'bpe' | 'unigram';
  /** By token id. */
  readonly pieces: readonly Piece[];
  readonly byteFallback: boolean;
  /** A blank goes in front of every text. */
  readonly addsBlankPrefix: boolean;
  /** Blanks at both ends go, and runs of them become one. */
  readonly removesExtraBlanks: boolean;
  /** Which texts are replaced by which, as the trie of the file; empty where none is. */
  readonly charsMap: Buffer;
  /** null where the model has none. */
  readonly unknownId: number | null;
  readonly bosId: number | null;
  readonly eosId: number | null;
}

const maxPieces = 4_000_000;

/** @throws Error that names the byte or the piece that is wrong. */
export function readSentencePieceModel(bytes: Buffer): SentencePieceModel {
  const pieces: Piece[] = [];
  const trainer = new Settings('trainer_spec');
  const normalizer = new Settings('normalizer_spec');
  for (const field of readFields(bytes)) {
    if (field.number === 1) pieces.push(readPiece(field, pieces.length));
    if (field.number === 2) trainer.read(field);
    if (field.number === 3) normalizer.read(field);
    if (pieces.length > maxPieces) throw new Error(`it has more than ${maxPieces} pieces`);
  }
  if (pieces.length === 0) throw new Error('it holds no piece');
  // Field numbers and defaults of TrainerSpec and NormalizerSpec.
  const type = trainer.number(3, 1);
  if (type !== 1 && type !== 2) {
    throw new Error(`model_type is ${type}; allowed: 1 (unigram) and 2 (bpe)`);
  }
  if (trainer.flag(24, false))
    throw new Error('treat_whitespace_as_suffix is true; allowed: false');
  if (!normalizer.flag(5, true)) throw new Error('escape_whitespaces is false; allowed: true');
  const idOf = (kind: PieceKind, fieldNumber: number, absent: number): number | null => {
    const id = trainer.number(fieldNumber, absent);
    return pieces[id]?.kind === kind ? id : null;
  };
  return {
    model: type === 1 ? 'unigram' : 'bpe',
    pieces,
    byteFallback: trainer.flag(35, false),
    addsBlankPrefix: normalizer.flag(3, true),
    removesExtraBlanks: normalizer.flag(4, true),
    charsMap: normalizer.bytes(2),
    unknownId: idOf('unknown', 40, 0),
    bosId: idOf('control', 41, 1),
    eosId: idOf('control', 42, 2),
  };
}

function readPiece(field: ProtobufField & { at: number }, id: number): Piece {
  if (field.kind !== 'bytes') throw new Error(`at byte ${field.at}: piece ${id} is no message`);
  let text: string | null = null;
  let score = 0;
  let kind: PieceKind = 'normal';
  for (const part of readFields(field.value, field.at)) {
    if (part.number === 1 && part.kind === 'bytes') text = readText(part.value, part.at, id);
    if (part.number === 2 && part.kind === 'fixed32') score = part.value.readFloatLE();
    if (part.number === 3 && part.kind === 'varint') kind = kindOf(Number(part.value), id);
  }
  if (text === null || text === '') throw new Error(`at byte ${field.at}: piece ${id} has no text`);
  if (!Number.isFinite(score)) throw new Error(`at byte ${field.at}: piece ${id} scores ${score}`);
  return { text, score, kind };
}

/** @throws Error naming the token. */
export function kindOf(number: number, id: number): PieceKind {
  const kind = Object.hasOwn(pieceKinds, number) ? pieceKinds[number as 1] : undefined;
  if (kind === undefined) throw new Error(`token ${id} is of type ${number}; allowed: 1 to 6`);
  return kind;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function readText(bytes: Buffer, at: number, id: number): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new Error(`at byte ${at}: piece ${id} is not UTF-8`);
  }
}

/** The fields of a message by their numbers; of a field that comes twice the last counts. */
class Settings {
  readonly #fields = new Map<number, ProtobufField>();

  constructor(readonly name: string) {}

  read(field: ProtobufField & { at: number }): void {
    if (field.kind !== 'bytes') throw new Error(`at byte ${field.at}: ${this.name} is no message`);
    for (const part of readFields(field.value, field.at)) this.#fields.set(part.number, part);
  }

  number(field: number, absent: number): number {
    const found = this.#fields.get(field);
    return found?.kind === 'varint' ? Number(BigInt.asIntN(32, found.value)) : absent;
  }

  flag(field: number, absent: boolean): boolean {
    return this.number(field, absent ? 1 : 0) !== 0;
  }

  bytes(field: number): Buffer {
    const found = this.#fields.get(field);
    return found?.kind === 'bytes' ? found.value : Buffer.alloc(0);
  }
}
