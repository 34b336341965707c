// What belongs together is drawn together: tokens of a window, questions on one text, windows of one page.

import { checkSameLength } from './argument-checks.js';

/**
 * Adds up each column within each cluster, so that `bootstrapSums` over the result draws whole clusters (with values that
 * depend on each other inside a cluster, and only there, its interval is right).
 * @param columns one array a column, each of one value an item
 * @param clusters the name of each item's cluster
 * @returns as many columns, each of one sum a cluster, in the order in which clusters first appear. A mean over items
 *   needs the number of items: a column of ones.
 */
export function sumByCluster(
  columns: readonly ArrayLike<number>[],
  clusters: readonly (string | number)[],
): Float64Array[] {
  const places = new Map<string | number, number>();
  for (const cluster of clusters) {
    if (!places.has(cluster)) places.set(cluster, places.size);
  }
  return columns.map((column, c) => {
    checkSameLength(`columns[${c}]`, column, 'clusters', clusters);
    const sums = new Float64Array(places.size);
    clusters.forEach((cluster, i) => {
      sums[places.get(cluster)!]! += column[i]!;
    });
    return sums;
  });
}
