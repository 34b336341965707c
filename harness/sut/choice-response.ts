// How a multiple-choice answer is put into a response's bytes: int32 index of the best choice, then one float64
// log-probability a choice, all little-endian. Who picks and who scores is others' business.

/** @param logProbs (choices) */
export function encodeChoice(logProbs: Float64Array): Uint8Array {
  const bytes = new Uint8Array(4 + 8 * logProbs.length);
  const view = new DataView(bytes.buffer);
  let best = 0;
  for (const [choice, logProb] of logProbs.entries()) {
    if (logProb > logProbs[best]!) best = choice;
    view.setFloat64(4 + 8 * choice, logProb, true);
  }
  view.setInt32(0, best, true);
  return bytes;
}

/** The log-probabilities (choices) of a response; none when the bytes hold none. */
export function decodeChoice(bytes: Uint8Array): Float64Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = Math.max(0, Math.floor((bytes.byteLength - 4) / 8));
  return Float64Array.from({ length: count }, (_, choice) => view.getFloat64(4 + 8 * choice, true));
}
