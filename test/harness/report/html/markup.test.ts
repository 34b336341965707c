// What is put into a page stays text, whatever it is.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapeText, html } from '../../../../harness/report/html/markup.js';

/** What a browser makes of our entities; nothing else is ever written. */
function readEntities(text: string): string {
  const characters: Readonly<Record<string, string>> = {
    '&amp;': '&',
    '&lt;': '<',
    '&gt;': '>',
    '&quot;': '"',
    '&#39;': "'",
  };
  return text.replace(/&(?:amp|lt|gt|quot|#39);/g, (entity) => characters[entity]!);
}

describe('html', () => {
  it('escapes every value, in text and in attributes, and takes markup and lists as they are', () => {
    const bad = `</script><img src=x onerror="alert('1')">&amp;`;
    const item = html`<li title="${bad}">${bad}</li>`;
    const whole = html`<ul>${[item, null, false, 7, 8n]}</ul>`.text;
    expect(whole.match(/<[^>]*>/g)).toHaveLength(4);
    expect(whole).toContain(
      '&lt;/script&gt;&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;',
    );
    expect(whole).toMatch(/&amp;amp;<\/li>78<\/ul>$/);
  });

  it('leaves no character that could begin or end markup, and loses none', () => {
    const text = fc.string({ unit: 'grapheme' }).filter((one) => !/\p{Cc}|\p{Cs}/u.test(one));
    fc.assert(
      fc.property(text, (one) => {
        const escaped = escapeText(one);
        expect(escaped).not.toMatch(/[<>"']/);
        expect(readEntities(escaped)).toBe(one);
      }),
    );
  });

  it('shows what cannot be printed instead of dropping it', () => {
    expect(escapeText('a\0b\u001b[31m\u007f\u0085\r\n\tc')).toBe(
      'a\u2400b\u241b[31m\u2421\ufffd\u240d\n\tc',
    );
    expect(escapeText('\ud83d\ude00 \ud83d \ude00')).toBe('\ud83d\ude00 \ufffd \ufffd');
  });
});
