/** One line of a log that is to be written. */
export interface SyntheticRequest {
  readonly atMs: number;
  readonly address: string;
  readonly method: string;
  readonly path: string;
  readonly status?: number;
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const two = (value: number): string => String(value).padStart(2, '0');

/** `05/Mar/2014:10:11:12 +0000`. */
export const logTime = (atMs: number): string => {
  const at = new Date(atMs);
  const date = `${two(at.getUTCDate())}/${months[at.getUTCMonth()]}/${at.getUTCFullYear()}`;
  return `${date}:${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())} +0000`;
};

/** A line in combined format. */
export const combinedLine = ({ atMs, address, method, path, status = 200 }: SyntheticRequest): string =>
  `${address} - - [${logTime(atMs)}] "${method} ${path} HTTP/1.1" ${status} 512 "-" "synthetic/1.0"`;

const secondMs = 1000;
export const person = '198.51.100.7';
export const scanner = '203.0.113.5';
export const stuffer = '203.0.113.90';

const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

/**
 * Ten minutes of a small site: a person who reads (a page of fifteen files each minute), a scanner that tries some six
 * hundred files three times a second, and someone who tries a password a second.
 */
export const busySite = (fromMs: number): SyntheticRequest[] => [
  ...times(10, (page) =>
    times(15, (file) => ({
      atMs: fromMs + page * 60 * secondMs + (file % 3) * secondMs,
      address: person,
      method: 'GET',
      path: file === 0 ? `/page/${page}` : `/static/${page}/file-${file}.png`,
    })),
  ).flat(),
  ...times(750, (index) => ({
    atMs: fromMs + 30 * secondMs + Math.floor(index / 3) * secondMs,
    address: scanner,
    method: 'GET',
    path: `/try-${String.fromCharCode(97 + (index % 26))}/${String.fromCharCode(97 + (index % 25))}.php`,
    status: 404,
  })),
  ...times(400, (index) => ({
    atMs: fromMs + 45 * secondMs + index * secondMs,
    address: stuffer,
    method: 'POST',
    path: '/login',
    status: 401,
  })),
];
