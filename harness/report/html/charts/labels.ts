// Where do the names of points go, so that none lies on another? Beside its point, above or below, left or right of it.

import { plotArea } from './chart.js';

export interface Label {
  /** Of the point that it names, in units of the drawing. */
  readonly x: number;
  readonly y: number;
  readonly text: string;
}

export interface PlacedLabel extends Label {
  /** Of the text's baseline. */
  readonly textX: number;
  readonly textY: number;
  readonly anchor: 'start' | 'end';
}

interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Of 11 pixels a line; a little wider than most letters are. */
const [letterWidth, ascent, descent] = [6.6, 10, 3];
const [aside, dotRadius] = [7, 3.6];

const spots = [
  { side: 1, down: -6 },
  { side: 1, down: 4 },
  { side: 1, down: 15 },
  { side: -1, down: -6 },
  { side: -1, down: 4 },
  { side: -1, down: 15 },
] as const;

/** A label that finds no free spot is left out: the table behind the chart has it. */
export function placeLabels(labels: readonly Label[]): PlacedLabel[] {
  const taken: Box[] = labels.map(({ x, y }) => ({
    left: x - dotRadius,
    right: x + dotRadius,
    top: y - dotRadius,
    bottom: y + dotRadius,
  }));
  return labels.flatMap((label, i) => {
    for (const { side, down } of spots) {
      const [textX, textY] = [label.x + side * aside, label.y + down];
      const box = boxOf(label.text, textX, textY, side);
      const isFree = taken.every((other, j) => j === i || !overlap(box, other));
      if (!isInside(box) || !isFree) continue;
      taken.push(box);
      return [{ ...label, textX, textY, anchor: side === 1 ? 'start' : 'end' } as const];
    }
    return [];
  });
}

function boxOf(text: string, x: number, y: number, side: 1 | -1): Box {
  const width = letterWidth * text.length;
  const [left, right] = side === 1 ? [x, x + width] : [x - width, x];
  return { left, right, top: y - ascent, bottom: y + descent };
}

function overlap(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

/** Of the plot, and a little above it. */
function isInside({ left, right, top, bottom }: Box): boolean {
  return (
    left > plotArea.left && right < plotArea.right + 10 && top > -2 && bottom <= plotArea.bottom
  );
}
