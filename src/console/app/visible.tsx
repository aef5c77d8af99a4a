import type { ComponentChildren } from 'preact';

// What nobody sees, or what turns the text around it round: control and format characters (bidirectional marks and zero
// widths among them), what fonts leave out, unusual spaces, and marks piled upon each other.
const odd = /[\p{C}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}]|(?! )\p{Zs}|(?<=\p{M}{2})\p{M}/gu;

const names: Readonly<Record<string, string>> = {
  '\n': 'line break',
  '\r': 'carriage return',
  '\t': 'tab',
  '\u0000': 'null',
  '\u00a0': 'no-break space',
  '\u00ad': 'soft hyphen',
  '\u200b': 'zero-width space',
  '\u200c': 'zero-width non-joiner',
  '\u200d': 'zero-width joiner',
  '\u200e': 'left-to-right mark',
  '\u200f': 'right-to-left mark',
  '\u202a': 'left-to-right embedding',
  '\u202b': 'right-to-left embedding',
  '\u202c': 'end of embedding',
  '\u202d': 'left-to-right override',
  '\u202e': 'right-to-left override',
  '\u2066': 'left-to-right isolate',
  '\u2067': 'right-to-left isolate',
  '\u2068': 'first strong isolate',
  '\u2069': 'end of isolate',
  '\ufeff': 'byte order mark',
};

/** `U+202E`. */
const codePoint = (character: string): string =>
  `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;

export interface Piece {
  readonly text: string;
  /** What stands for a character that would not be seen; null: text as it is. */
  readonly name: string | null;
}

/** A text in pieces: what can be seen, and one piece for each character that cannot. */
export const piecesOf = (text: string): readonly Piece[] => {
  const pieces: Piece[] = [];
  let from = 0;
  for (const { 0: character, index } of text.matchAll(odd)) {
    if (index > from) pieces.push({ text: text.slice(from, index), name: null });
    pieces.push({ text: codePoint(character), name: names[character] ?? 'a character that is not seen' });
    from = index + character.length;
  }
  if (from < text.length) pieces.push({ text: text.slice(from), name: null });
  return pieces;
};

export interface VisibleProps {
  readonly text: string;
  /** Code points shown; how many there are is said of a longer one. Default 200. */
  readonly most?: number;
  /** Line breaks and tabs do what they do: for what people wrote. Default false. */
  readonly isProse?: boolean;
}

const shownPiece = ({ text, name }: Piece, isProse: boolean): ComponentChildren => {
  if (name === null) return text;
  if (isProse && text === 'U+000A') return '\n';
  if (isProse && text === 'U+0009') return '\t';
  return (
    <span class="odd" title={name}>
      {text}
    </span>
  );
};

/**
 * What somebody else named: an id, a note, a route. Always text, set apart from what stands beside it, with a sign for
 * every character that would not be seen.
 */
export const Visible = ({ text, most = 200, isProse = false }: VisibleProps) => {
  // Cut well before what is shown, so that a text of megabytes costs nothing.
  const characters = [...text.slice(0, 2 * most + 2)];
  const isCut = characters.length > most;
  const pieces = piecesOf(characters.slice(0, most).join(''));
  return (
    <bdi class={isProse ? 'prose' : 'visible'}>
      {pieces.map((piece) => shownPiece(piece, isProse))}
      {isCut ? <span class="quiet">… ({text.length.toLocaleString('en')} characters)</span> : null}
    </bdi>
  );
};
