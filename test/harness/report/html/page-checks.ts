// What a reader would stumble over, as expressions that a browser evaluates in a page.

/** Texts of a drawing that lie on each other, by more than a hair's breadth. */
export const overlappingLabels = `[...document.querySelectorAll('svg')].flatMap((svg) => {
  const texts = [...svg.querySelectorAll('text')].map((text) => ({ name: text.textContent, box: text.getBoundingClientRect() }));
  return texts.flatMap((a, i) => texts.slice(i + 1).flatMap((b) => {
    const wide = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
    const high = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
    return wide > 1.5 && high > 3.5 ? [svg.querySelector('title').textContent + ': ' + a.name + ' | ' + b.name] : [];
  }));
})`;

/** Drawings and texts of drawings that reach beyond the window. */
export const cutOff = `[...document.querySelectorAll('svg, svg text, .card, .verdict')].filter((element) => {
  const { left, right, width } = element.getBoundingClientRect();
  return width > 0 && (left < -0.5 || right > document.documentElement.clientWidth + 0.5);
}).map((element) => element.textContent.slice(0, 60))`;

/** Groups of texts beside each other whose last one has begun a row below the first. */
export const strandedTexts = `[...document.querySelectorAll('.texts .columns')].filter((columns) => {
  const lefts = [...columns.children].map((child) => Math.round(child.getBoundingClientRect().left));
  return new Set(lefts).size > 1 && lefts.at(-1) === lefts[0];
}).length`;

export const scrollsSideways =
  'document.documentElement.scrollWidth > document.documentElement.clientWidth + 1';

/** Of text colours against the paper, by WCAG 2's formula. */
export const contrasts = `(() => {
  const style = getComputedStyle(document.documentElement);
  const luminance = (name) => {
    const hex = style.getPropertyValue(name).trim();
    const [r, g, b] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255)
      .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paper = luminance('--paper');
  return Object.fromEntries(['--ink', '--quiet', '--good', '--bad', '--limit'].map((name) => {
    const [low, high] = [paper, luminance(name)].sort((a, b) => a - b);
    return [name, (high + 0.05) / (low + 0.05)];
  }));
})()`;
