import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { exception } from './exception.ts';

interface Credentials {
  readonly user: string;
  readonly password: string;
}

const headerText = (value: string | string[] | undefined): string | null =>
  value === undefined ? null : Array.isArray(value) ? value.join(',') : value;

const basicOf = (authorization: string | undefined): Credentials | null => {
  const encoded = /^basic\s+([A-Za-z0-9+/=]*)$/i.exec(authorization ?? '')?.[1];
  if (encoded === undefined) return null;
  const text = Buffer.from(encoded, 'base64').toString();
  const split = text.indexOf(':');
  return split < 0 ? { user: text, password: '' } : { user: text.slice(0, split), password: text.slice(split + 1) };
};

/** Own headers first, then Basic, then the URL, as a server looks for them. */
const credentialsOf = (headers: IncomingHttpHeaders, search: URLSearchParams): Credentials => {
  const user = headerText(headers['x-clickhouse-user']);
  const password = headerText(headers['x-clickhouse-key']);
  if (user !== null || password !== null) return { user: user ?? '', password: password ?? '' };
  return basicOf(headers.authorization) ?? { user: search.get('user') ?? '', password: search.get('password') ?? '' };
};

const hashOf = (text: string): Buffer => createHash('sha256').update(text).digest();

/** The one user there is. */
const userName = 'default';

/** A check of who asks. `password` '': none is needed, and none may be given. */
export const passwordCheck = (password: string) => {
  const expected = hashOf(password);
  return (headers: IncomingHttpHeaders, search: URLSearchParams): void => {
    const given = credentialsOf(headers, search);
    const isPassword = timingSafeEqual(hashOf(given.password), expected);
    if (isPassword && (given.user === '' || given.user === userName)) return;
    throw exception(
      'AUTHENTICATION_FAILED',
      `${given.user.slice(0, 64) || userName}: Authentication failed: password is incorrect, or there is no user with such name.`,
    );
  };
};

const localNames = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i;

/**
 * Refuses what a web page could have sent here: without a password, a page whose name is made to lead to this machine
 * could read everything.
 */
export const checkLocalName = (host: string | undefined): void => {
  if (host === undefined || localNames.test(host)) return;
  throw exception('ACCESS_DENIED', 'Without a password, this is asked as localhost, 127.0.0.1 or [::1] only');
};

/**
 * Refuses what a web page on another site has sent. It could not read the answer, but it could make the engine work. Browsers
 * say so of their own accord, and no page can keep them from it.
 */
export const checkNoOtherSite = (headers: IncomingHttpHeaders): void => {
  const site = headerText(headers['sec-fetch-site']);
  if (site === null || site === 'same-origin' || site === 'none') return;
  throw exception('ACCESS_DENIED', 'Without a password, pages of other sites are not answered');
};
