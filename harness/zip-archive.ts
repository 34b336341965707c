// One file out of a zip archive, such as a Python wheel. Source: APPNOTE.TXT of PKWARE. Without zip64 and encryption.

import { inflateRawSync } from 'node:zlib';

const endSignature = 0x06054b50;
const directorySignature = 0x02014b50;
const fileSignature = 0x04034b50;
/** Of the record that ends the archive, with the longest comment. */
const maxEndBytes = 22 + 65_535;

/** @throws Error naming the file, or the byte at which the archive is no archive. */
export function extractFile(archive: Buffer, wanted: string, maxBytes: number): Buffer {
  const end = findEnd(archive);
  const entries = archive.readUInt16LE(end + 10);
  let at = archive.readUInt32LE(end + 16);
  for (let i = 0; i < entries; i++) {
    requireBytes(archive, at, 46, directorySignature);
    const nameBytes = archive.readUInt16LE(at + 28);
    const name = archive.toString('utf8', at + 46, at + 46 + nameBytes);
    if (name === wanted) return readEntry(archive, at, name, maxBytes);
    at += 46 + nameBytes + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
  }
  throw new Error(`the archive has no file ${JSON.stringify(wanted)} among its ${entries}`);
}

function findEnd(archive: Buffer): number {
  const first = Math.max(0, archive.length - maxEndBytes);
  for (let at = archive.length - 22; at >= first; at--) {
    if (archive.readUInt32LE(at) === endSignature) return at;
  }
  throw new Error(`no end of an archive in the last ${archive.length - first} bytes`);
}

function readEntry(archive: Buffer, entry: number, name: string, maxBytes: number): Buffer {
  const method = archive.readUInt16LE(entry + 10);
  const packedBytes = archive.readUInt32LE(entry + 20);
  const size = archive.readUInt32LE(entry + 24);
  const at = archive.readUInt32LE(entry + 42);
  if (size > maxBytes) throw new Error(`${name} has ${size} bytes; allowed: up to ${maxBytes}`);
  requireBytes(archive, at, 30, fileSignature);
  const start = at + 30 + archive.readUInt16LE(at + 26) + archive.readUInt16LE(at + 28);
  if (start + packedBytes > archive.length) {
    throw new Error(`${name} ends at byte ${start + packedBytes} of ${archive.length}`);
  }
  const packed = archive.subarray(start, start + packedBytes);
  if (method === 0) return packed;
  if (method !== 8) throw new Error(`${name} is packed by method ${method}; allowed: 0 and 8`);
  return inflateRawSync(packed, { maxOutputLength: size });
}

function requireBytes(archive: Buffer, at: number, length: number, signature: number): void {
  if (at + length <= archive.length && archive.readUInt32LE(at) === signature) return;
  throw new Error(`byte ${at} of the archive begins no entry`);
}
