// Which known name was probably meant by a misspelt one.

/** Returns ` (did you mean "x"?)` for the nearest of `known`, or '' when none is near. */
export function suggestName(name: string, known: readonly string[]): string {
  const wanted = name.slice(0, 64).toLowerCase();
  let nearest: string | undefined;
  // A third of the letters may be wrong, and never more than three.
  let nearestDistance = Math.min(3, Math.max(1, Math.floor(wanted.length / 3))) + 1;
  for (const candidate of known) {
    const distance = editDistance(wanted, candidate.toLowerCase());
    if (distance < nearestDistance) {
      nearest = candidate;
      nearestDistance = distance;
    }
  }
  return nearest === undefined ? '' : ` (did you mean "${nearest}"?)`;
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const change = a[row - 1] === b[column - 1] ? 0 : 1;
      current.push(
        Math.min(current[column - 1]! + 1, previous[column]! + 1, previous[column - 1]! + change),
      );
    }
    previous = current;
  }
  return previous[b.length]!;
}
