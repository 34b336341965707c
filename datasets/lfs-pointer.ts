// Is a file what it should be, or the few lines that git leaves in its place where Git LFS did not fetch it?
// Source of the form: git-lfs' docs/spec.md.

/** Where `content` is a pointer, what to say of the file; null where it is none. */
export function describeLfsPointer(content: string): string | null {
  if (content.length >= 1024 || !content.startsWith('version https://git-lfs.github.com/spec/')) {
    return null;
  }
  const size = /\nsize (\d+)/.exec(content)?.[1];
  const bytes = size === undefined ? '' : ` to ${size} bytes`;
  return `is a Git LFS pointer${bytes}, not the file itself; \`git lfs pull\` in its repository, or \`bench pull\`, fetches that`;
}
