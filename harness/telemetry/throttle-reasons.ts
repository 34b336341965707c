// Why does a GPU run slower than it could? NVML's bits (nvmlClocksEventReasons, NVML API reference), by name.

export interface ThrottleReason {
  readonly bit: number;
  readonly name: string;
  /** Something is wrong with cooling or supply: figures measured meanwhile are not the machine's best. */
  readonly isFault: boolean;
}

export const throttleReasons: readonly ThrottleReason[] = [
  { bit: 0x1, name: 'idle', isFault: false },
  { bit: 0x2, name: 'clocks set by an application', isFault: false },
  { bit: 0x4, name: 'software power cap', isFault: false },
  { bit: 0x8, name: 'hardware slowdown', isFault: true },
  { bit: 0x10, name: 'sync boost', isFault: false },
  { bit: 0x20, name: 'software thermal slowdown', isFault: true },
  { bit: 0x40, name: 'hardware thermal slowdown', isFault: true },
  { bit: 0x80, name: 'hardware power brake', isFault: true },
  { bit: 0x100, name: 'display clocks', isFault: false },
];

/** The names of the bits that are set; a bit that is not known here by its number. */
export function nameThrottleReasons(bits: number): string[] {
  const names: string[] = [];
  // Beyond 2^32 JavaScript's bit operations do not reach.
  for (let bit = 1; bit <= bits; bit *= 2) {
    if (Math.floor(bits / bit) % 2 === 0) continue;
    const known = throttleReasons.find((reason) => reason.bit === bit);
    names.push(known?.name ?? `0x${bit.toString(16)}`);
  }
  return names;
}

export function isThrottleFault(name: string): boolean {
  return throttleReasons.some((reason) => reason.name === name && reason.isFault);
}
