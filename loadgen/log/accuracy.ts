// mlperf_log_accuracy.json: the logged answers as hexadecimal text, in the order in which they completed.

import type { KeptResponse } from '../recorder.js';

function hex(data: Uint8Array): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex').toUpperCase();
}

/** Which token fields the entries carry. */
export interface AccuracyLogForm {
  readonly hasTokenCount: boolean;
  readonly hasFirstToken: boolean;
}

function entry(response: KeptResponse, form: AccuracyLogForm): string {
  const fields = [
    `"seq_id" : ${response.sampleId}`,
    `"qsl_idx" : ${response.sampleIndex}`,
    `"data" : "${hex(response.data)}"`,
  ];
  if (form.hasFirstToken) {
    fields.push(`"token_data" : "${hex(response.firstTokenData ?? new Uint8Array(0))}"`);
  }
  if (form.hasTokenCount) fields.push(`"token_count" : ${response.tokenCount}`);
  return `\n{ ${fields.join(', ')} }`;
}

/** The whole file. */
export function accuracyLog(responses: readonly KeptResponse[], form: AccuracyLogForm): string {
  return `[${responses.map((r) => entry(r, form)).join(',')}\n]\n`;
}
