const emptyHash = 0x811c9dc5;

/**
 * FNV-1a, 32 bit: the same in every process and release, because it decides where things live. Not for secrets.
 * `before`: the hash of what stands before the text, so that the two need not be joined.
 */
export const stableHash = (text: string, before = emptyHash): number => {
  let hash = before;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
};
