// Where the package lies: the folder that holds configs/, whether this runs from dist/, from a global install or
// straight from the sources under a test runner.

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface PackageRoot {
  readonly folder: string;
  readonly version: string;
}

let found: PackageRoot | undefined;

/** Walks up from this file to the package.json named "loadmark". */
export function findPackageRoot(): PackageRoot {
  found ??= walkUp(dirname(fileURLToPath(import.meta.url)));
  return found;
}

function walkUp(start: string): PackageRoot {
  for (let folder = start; ; folder = dirname(folder)) {
    const version = readVersion(join(folder, 'package.json'));
    if (version !== null) return { folder, version };
    if (dirname(folder) === folder) {
      throw new Error(
        `no package.json named "loadmark" above ${start}: the installation is broken`,
      );
    }
  }
}

function readVersion(file: string): string | null {
  try {
    const manifest: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof manifest !== 'object' || manifest === null) return null;
    if (!('name' in manifest) || manifest.name !== 'loadmark') return null;
    return 'version' in manifest ? String(manifest.version) : '0.0.0';
  } catch {
    return null;
  }
}
