// What does a name stand for on a hub, and where does it lie here once it was fetched?

import { join } from 'node:path';
import { findCacheFolder } from '../cache-folder.js';

export interface HubRepository {
  readonly kind: 'model' | 'dataset';
  /** "owner/name" */
  readonly id: string;
}

const part = '[A-Za-z0-9][A-Za-z0-9._-]{0,95}';
const pattern = new RegExp(`^(?:(models|datasets)/)?(${part}(?:/${part})?)$`);

/** What may be asked for, in the words of messages. */
export const hubForms = 'OWNER/NAME (a model), datasets/OWNER/NAME';

/** "owner/name", "models/owner/name", "datasets/owner/name"; null for anything else. */
export function parseHubName(name: string): HubRepository | null {
  const [, room, id] = pattern.exec(name) ?? [];
  if (id === undefined || id.includes('..') || id.includes('--')) return null;
  // A bare word is sooner a misspelt name of something built in than one of the hub's oldest models.
  if (room === undefined && !id.includes('/')) return null;
  return { kind: room === 'datasets' ? 'dataset' : 'model', id };
}

/** What a message about a model that is not here adds where its name is one that a hub may have. */
export function suggestPull(name: string): string {
  const isOnHub = name.includes('/') && parseHubName(name)?.kind === 'model';
  return isOnHub ? `; what a hub calls ${name}, "bench pull ${name}" brings here` : '';
}

/** Any text that git takes for a branch, a tag or a commit, and that is safe in a path. */
export function isRevision(revision: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$/.test(revision) && !revision.includes('..');
}

/** <cache>/models/owner/name; another revision than main lies beside it. */
export function folderOf({ kind, id }: HubRepository, revision: string): string {
  const suffix = revision === 'main' ? '' : `@${revision.replaceAll('/', '_')}`;
  return join(findCacheFolder(), `${kind}s`, `${id}${suffix}`);
}
