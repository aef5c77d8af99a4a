/** Groups of the IPv6 address that is being read. */
const groups = new Int32Array(8);
const slash = 47;
const dot = 46;
const colon = 58;

/** 0 to 15 of a lower-case hexadecimal digit, else -1. */
const hexDigit = (code: number): number => {
  if (code >= 48 && code <= 57) return code - 48;
  return code >= 97 && code <= 102 ? code - 87 : -1;
};

/**
 * Reads addresses and networks as numbers without making anything: what was read is in its fields until the next reading.
 * It reads the canonical spelling alone (no leading zeros, lower case), so that a number has one text but for where `::` is.
 */
export class AddressReader {
  /** The 32 bits of an IPv4 address, or the first 32 of an IPv6 one, as a signed number. */
  word0 = 0;
  word1 = 0;
  word2 = 0;
  word3 = 0;
  /** 32 or 128 where the text names none. */
  prefixLength = 0;

  /** 4 or 6; 0 where it is no canonical address or network, and then the fields say nothing. */
  read(text: string): 0 | 4 | 6 {
    if (text.length < 2 || text.length > 43) return 0;
    for (let at = 0; at < 5; at += 1) {
      const code = text.charCodeAt(at);
      if (code === dot) return this.#readFour(text) ? 4 : 0;
      if (code === colon) return this.#readSix(text) ? 6 : 0;
    }
    return 0;
  }

  /** Whether no bit is set behind the prefix. */
  isAligned(): boolean {
    const { prefixLength } = this;
    const { word0, word1, word2, word3 } = this;
    this.mask(prefixLength);
    const aligned = word0 === this.word0 && word1 === this.word1 && word2 === this.word2 && word3 === this.word3;
    this.word0 = word0;
    this.word1 = word1;
    this.word2 = word2;
    this.word3 = word3;
    return aligned;
  }

  /** Clears all bits behind the first so many. */
  mask(prefixLength: number): void {
    this.prefixLength = prefixLength;
    this.word0 &= prefixMask(prefixLength);
    this.word1 &= prefixMask(prefixLength - 32);
    this.word2 &= prefixMask(prefixLength - 64);
    this.word3 &= prefixMask(prefixLength - 96);
  }

  #readFour(text: string): boolean {
    let value = 0;
    let part = -1;
    let dots = 0;
    let at = 0;
    for (; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      if (code >= 48 && code <= 57) {
        if (part === 0) return false;
        part = part < 0 ? code - 48 : part * 10 + code - 48;
        if (part > 255) return false;
      } else if (code === dot && part >= 0 && dots < 3) {
        value = (value << 8) | part;
        part = -1;
        dots += 1;
      } else if (code === slash) break;
      else return false;
    }
    if (dots !== 3 || part < 0) return false;
    this.word0 = (value << 8) | part;
    this.word1 = 0;
    this.word2 = 0;
    this.word3 = 0;
    return this.#readPrefix(text, at, 32);
  }

  #readSix(text: string): boolean {
    const end = text.indexOf('/') < 0 ? text.length : text.indexOf('/');
    let count = 0;
    let gapAt = -1;
    let at = 0;
    if (text.charCodeAt(0) === colon) {
      if (text.charCodeAt(1) !== colon) return false;
      gapAt = 0;
      at = 2;
    }
    while (at < end) {
      const start = at;
      let group = 0;
      for (; at < end && text.charCodeAt(at) !== colon; at += 1) {
        const digit = hexDigit(text.charCodeAt(at));
        if (digit < 0 || at - start >= 4 || (at > start && group === 0)) return false;
        group = group * 16 + digit;
      }
      if (at === start || count === 8) return false;
      groups[count] = group;
      count += 1;
      if (at === end) break;
      at += 1;
      if (at === end) return false;
      if (text.charCodeAt(at) !== colon) continue;
      if (gapAt >= 0) return false;
      gapAt = count;
      at += 1;
    }
    return this.#spread(count, gapAt) && this.#readPrefix(text, end, 128);
  }

  /** Puts the groups behind `::` to the end, and all of them into the words. */
  #spread(count: number, gapAt: number): boolean {
    if (gapAt < 0 ? count !== 8 : count > 7) return false;
    if (gapAt >= 0) {
      const behind = count - gapAt;
      for (let moved = 1; moved <= behind; moved += 1) groups[8 - moved] = groups[count - moved] ?? 0;
      groups.fill(0, gapAt, 8 - behind);
    }
    this.word0 = ((groups[0] ?? 0) << 16) | (groups[1] ?? 0);
    this.word1 = ((groups[2] ?? 0) << 16) | (groups[3] ?? 0);
    this.word2 = ((groups[4] ?? 0) << 16) | (groups[5] ?? 0);
    this.word3 = ((groups[6] ?? 0) << 16) | (groups[7] ?? 0);
    return true;
  }

  #readPrefix(text: string, slashAt: number, full: number): boolean {
    this.prefixLength = full;
    if (slashAt === text.length) return true;
    let length = -1;
    for (let at = slashAt + 1; at < text.length; at += 1) {
      const digit = text.charCodeAt(at) - 48;
      if (digit < 0 || digit > 9 || length === 0) return false;
      length = length < 0 ? digit : length * 10 + digit;
      if (length > full) return false;
    }
    this.prefixLength = length;
    return length >= 0;
  }
}

/** The first so many of 32 bits set; none below 1, all from 32 on. */
export const prefixMask = (bits: number): number => {
  if (bits <= 0) return 0;
  return bits >= 32 ? -1 : -1 << (32 - bits);
};

/** `203.0.113.9` */
export const fourText = (word: number): string =>
  `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;

/** `2001:db8::`, of eight groups: the longest run of zeros, of two or more, is left out. */
export const sixText = (words: readonly [number, number, number, number]): string => {
  const parts = words.flatMap((word) => [(word >>> 16).toString(16), (word & 0xffff).toString(16)]);
  let best = { at: -1, length: 1 };
  for (let at = 0; at < 8; at += 1) {
    let length = 0;
    while (parts[at + length] === '0') length += 1;
    if (length > best.length) best = { at, length };
  }
  if (best.at < 0) return parts.join(':');
  return `${parts.slice(0, best.at).join(':')}::${parts.slice(best.at + best.length).join(':')}`;
};
