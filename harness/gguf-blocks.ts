// The numbers in a GGUF tensor, as fp32 and rounded to bf16. Source: ggml-quants.c of ggml-org/ggml. Only the formats of
// the one file that is converted here; the engine has its own reader for all that it runs.

interface BlockFormat {
  readonly name: string;
  readonly values: number;
  readonly bytes: number;
  /** Writes the block's values from `at` on; arithmetic in fp32. */
  readonly decode: (block: Buffer, out: Float32Array, at: number) => void;
}

const { fround } = Math;

/** By ggml_type. */
const formats: Readonly<Record<number, BlockFormat>> = {
  0: {
    name: 'F32',
    values: 1,
    bytes: 4,
    decode: (block, out, at) => {
      out[at] = block.readFloatLE();
    },
  },
  1: {
    name: 'F16',
    values: 1,
    bytes: 2,
    decode: (block, out, at) => {
      out[at] = fromHalf(block.readUInt16LE());
    },
  },
  // 16 bits of scale, 16 of minimum, 32 nibbles: the low ones are the first half.
  3: {
    name: 'Q4_1',
    values: 32,
    bytes: 20,
    decode: (block, out, at) => {
      const scale = fromHalf(block.readUInt16LE(0));
      const least = fromHalf(block.readUInt16LE(2));
      for (let i = 0; i < 16; i++) {
        const byte = block[4 + i]!;
        out[at + i] = fround(scale * (byte & 15)) + least;
        out[at + 16 + i] = fround(scale * (byte >> 4)) + least;
      }
    },
  },
  // 16 bits of scale, 32 signed bytes.
  8: {
    name: 'Q8_0',
    values: 32,
    bytes: 34,
    decode: (block, out, at) => {
      const scale = fromHalf(block.readUInt16LE(0));
      for (let i = 0; i < 32; i++) out[at + i] = scale * block.readInt8(2 + i);
    },
  },
};

/** Bytes of a tensor of `count` values. @throws Error naming a format that is not read here, or a ragged count. */
export function countBytes(type: number, count: number): number {
  const format = formatOf(type);
  if (count % format.values !== 0) {
    throw new Error(`${count} values; allowed for ${format.name}: a multiple of ${format.values}`);
  }
  return (count / format.values) * format.bytes;
}

/** @throws Error naming a format that is not read here. */
export function decodeBlocks(type: number, bytes: Buffer): Float32Array {
  const format = formatOf(type);
  const out = new Float32Array((bytes.length / format.bytes) * format.values);
  for (let block = 0; block * format.bytes < bytes.length; block++) {
    const start = block * format.bytes;
    format.decode(bytes.subarray(start, start + format.bytes), out, block * format.values);
  }
  return out;
}

/** To the nearest, to even where two are as near. */
export function toBfloat16(values: Float32Array): Uint8Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const out = new Uint16Array(values.length);
  for (let i = 0; i < bits.length; i++) {
    const word = bits[i]!;
    out[i] = (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return new Uint8Array(out.buffer);
}

function formatOf(type: number): BlockFormat {
  const format = formats[type];
  if (format !== undefined) return format;
  const known = Object.entries(formats).map(([number, { name }]) => `${number} (${name})`);
  throw new Error(`ggml_type is ${type}; allowed: ${known.join(', ')}`);
}

function fromHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0
    ? sign * fraction * 2 ** -24
    : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
