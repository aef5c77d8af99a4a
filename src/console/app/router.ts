import { signal } from '@preact/signals';

/** Where the page is: `#/blocks/b-1?tab=history`. */
export interface Place {
  /** `/blocks/b-1`, always with a slash. */
  readonly path: string;
  readonly query: URLSearchParams;
}

/** What follows # as a place; what is no route of ours is the start. */
export const placeOf = (hash: string): Place => {
  const [path = '', query = ''] = hash.replace(/^#/, '').split('?', 2);
  return { path: path.startsWith('/') ? path : '/', query: new URLSearchParams(query) };
};

export const place = signal<Place>({ path: '/', query: new URLSearchParams() });

/** The address of a place within the page, for `href`. Parts of a path that come from data belong into {@link part}. */
export const hrefOf = (path: string, query: Readonly<Record<string, string | null | undefined>> = {}): string => {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== '') search.set(name, value);
  }
  const text = search.toString();
  return `#${path}${text === '' ? '' : `?${text}`}`;
};

/** A text as one part of a path. Half a surrogate pair, which anybody may call himself by, cannot be part of an address. */
export const part = (text: string): string => encodeURIComponent(text.toWellFormed());

/** Goes there; Back comes back. */
export const navigate = (href: string): void => {
  location.hash = href.replace(/^#/, '');
};

/** The same page with other query values: filters. Not a step that Back undoes. */
export const replaceQuery = (query: Readonly<Record<string, string | null | undefined>>): void => {
  const href = hrefOf(place.peek().path, query);
  history.replaceState(null, '', href);
  place.value = placeOf(href);
};

export const startRouter = (): void => {
  const read = (): void => {
    place.value = placeOf(location.hash);
  };
  addEventListener('hashchange', read);
  read();
};

export type Params = Readonly<Record<string, string>>;

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

/** `/blocks/:id` against `/blocks/b-1` → `{ id: 'b-1' }`; null: another page. */
export const matched = (pattern: string, path: string): Params | null => {
  const wanted = pattern.split('/');
  const found = path.replace(/(.)\/$/, '$1').split('/');
  if (wanted.length !== found.length) return null;
  const params: Record<string, string> = {};
  for (const [index, name] of wanted.entries()) {
    const text = found[index] ?? '';
    if (name.startsWith(':')) params[name.slice(1)] = decoded(text);
    else if (name !== text) return null;
  }
  return params;
};
