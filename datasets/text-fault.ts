// What in a string of JavaScript is no text? JSON and pickles may spell half of a character that takes two (a surrogate);
// UTF-8 has no bytes for it, so a tokenizer would be given something else.

/** null where all is well, else what is wrong and where: "has half a character, \ud800, at 12; allowed: ...". */
export function findLoneSurrogate(text: string): string | null {
  const found = /\p{Surrogate}/u.exec(text);
  if (found === null) return null;
  const code = found[0].charCodeAt(0).toString(16);
  return `has half a character, \\u${code}, at ${found.index}; allowed: Unicode text, in which surrogates come in pairs`;
}
