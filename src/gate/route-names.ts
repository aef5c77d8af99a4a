import { absoluteForm, plainSegmentsOf, readingsOf } from '../policy/path-readings.ts';
import { folded } from '../policy/route-index.ts';

/** Routes told apart per client; a scanner's ten thousandth path says no more than its sixty-fifth. */
const maxRoutesPerClient = 64;
const maxClients = 10_000;
const maxSegmentLength = 48;

/** What stands for an id in a derived route. */
const idSegment = ':id';
export const otherRoutePath = '~other';

const identifiers = [
  /^\d+$/,
  /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i,
  /^(?=.*\d)[0-9a-f]{8,}$/i,
  /^(?=.*\d)[A-Za-z0-9_=-]{20,}$/,
];

const generalise = (segment: string): string => {
  if (identifiers.some((identifier) => identifier.test(segment))) return idSegment;
  const printable = segment.replace(/[^\x21-\x7e]/g, '?');
  return printable.length <= maxSegmentLength ? printable : `${printable.slice(0, maxSegmentLength)}~`;
};

const derivedFrom = (segments: readonly string[]): string => `/${segments.slice(0, 2).map(generalise).join('/')}`;

/** The path without query, with ids collapsed, first two segments. */
export const derivePath = (path: string): string => {
  const bare = path.slice(0, 2048).replace(absoluteForm, '').split(/[?#;]/, 1)[0] ?? '';
  return derivedFrom(bare.split('/').filter((segment) => segment !== ''));
};

/**
 * The same, and one for all spellings of a path that servers take for another's. `//a/b` has two, since it is `/b` to some and
 * `/a/b` to others: that is one counter more, and not one for each `a`.
 */
const deriveOnePath = (path: string): string => {
  const plain = plainSegmentsOf(path);
  if (plain !== null) return derivedFrom(plain);
  const told = readingsOf(path).findLast(({ length }) => length > 0) ?? [];
  return derivedFrom(told.map(folded));
};

const methodPattern = /^[A-Z][A-Z-]{0,15}$/;

/** Methods are hostile input too: what is no method becomes `INVALID`. */
export const methodOf = (method: string): string => (methodPattern.test(method) ? method : 'INVALID');

/** What limits a GET limits its HEAD, and both spend from one counter. */
const spendingMethodOf = (method: string): string => (method === 'HEAD' ? 'GET' : method);

const maxTemplateLength = 256;
/** Templates come from a router's table; whoever passes something else fills this again and again, no more. */
const maxTemplates = 4096;

/** Names the routes of requests that matched none, a bounded number for each of a bounded number of clients. */
export class RouteNames {
  readonly #byClient = new Map<string, Set<string>>();
  readonly #byTemplate = new Map<string, Map<string, string>>();
  #templates = 0;
  #folded = 0;

  /** Requests whose route was folded into `~other`. */
  get folded(): number {
    return this.#folded;
  }

  /** `GET /orders/:id`, from a template: one and the same text each time, so that comparing it costs nothing. */
  ofTemplate(method: string, template: string): string {
    const known = this.#byTemplate.get(method)?.get(template);
    if (known !== undefined) return known;
    const name = `${method} ${template.slice(0, maxTemplateLength).toWellFormed()}`;
    if (this.#templates >= maxTemplates) {
      this.#byTemplate.clear();
      this.#templates = 0;
    }
    const names = this.#byTemplate.get(method) ?? new Map<string, string>();
    this.#byTemplate.set(method, names.set(template, name));
    this.#templates += 1;
    return name;
  }

  /** `GET /orders/:id`, from a path. */
  nameFor(clientKey: string, method: string, path: string): string {
    const name = `${method} ${derivePath(path)}`;
    if (this.#isKept(clientKey, name)) return name;
    this.#folded += 1;
    return `${method} ${otherRoutePath}`;
  }

  /** What limits go by, as {@link ofTemplate}. */
  spendingOfTemplate(method: string, template: string): string {
    return this.ofTemplate(spendingMethodOf(method), template);
  }

  /** What limits go by, from a path: no spelling of it may be a way to a counter of its own. */
  spendingNameFor(clientKey: string, method: string, path: string): string {
    const spends = spendingMethodOf(method);
    const name = `${spends} ${deriveOnePath(path)}`;
    return this.#isKept(clientKey, name) ? name : `${spends} ${otherRoutePath}`;
  }

  #isKept(clientKey: string, name: string): boolean {
    const names = this.#namesOf(clientKey);
    if (names.has(name)) return true;
    if (names.size >= maxRoutesPerClient) return false;
    names.add(name);
    return true;
  }

  #namesOf(clientKey: string): Set<string> {
    const known = this.#byClient.get(clientKey);
    if (known) return known;
    const oldest = this.#byClient.keys().next();
    if (this.#byClient.size >= maxClients && !oldest.done) this.#byClient.delete(oldest.value);
    const made = new Set<string>();
    this.#byClient.set(clientKey, made);
    return made;
  }
}
