import { type Problem, TidegateError } from '../errors.ts';

export interface RedisServer {
  readonly host: string;
  readonly port: number;
}

/** What a Redis URL says. */
export interface RedisAddress {
  readonly kind: 'single' | 'cluster' | 'sentinel';
  /** One server; some nodes of a cluster, the rest is asked of them; or Sentinels. At least one. */
  readonly servers: readonly RedisServer[];
  /** '' where none is given. Of the servers with data: Sentinels have their own. */
  readonly username: string;
  readonly password: string;
  readonly sentinelUsername: string;
  readonly sentinelPassword: string;
  /** What the Sentinels call the primary; '' unless there are any. */
  readonly masterName: string;
  readonly database: number;
  readonly tls: boolean;
  /** Files with PEM text, for TLS: the authorities to trust, and this client's own certificate and key. */
  readonly caFile: string | null;
  readonly certFile: string | null;
  readonly keyFile: string | null;
  /** The URL without credentials, for messages. */
  readonly text: string;
}

/** What comes before `://`. `redis-cluster` and `redis-sentinel` are what other clients call the same. */
export const redisSchemes = ['redis', 'redis+cluster', 'redis+sentinel', 'redis-cluster', 'redis-sentinel'].flatMap(
  (scheme) => [scheme, scheme.replace('redis', 'rediss')],
);

const defaultPorts = { single: 6379, cluster: 6379, sentinel: 26_379 } as const;
const tlsFiles = ['ca', 'cert', 'key'];
const sentinelSecrets = ['sentinelUsername', 'sentinelPassword'];
const form =
  /^redis(?<tls>s?)(?:[+-](?<kind>cluster|sentinel))?:\/\/(?:(?<credentials>[^/?#]*)@)?(?<hosts>[^@/?#]*)(?:\/(?<path>[^?#]*))?(?:\?(?<query>[^#]*))?(?:#(?<fragment>.*))?$/i;
const hostForm = /^(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<host>[^:[\]\s]+))(?::(?<port>\d{1,5}))?$/;
const maxDatabase = 2 ** 31 - 1;

const forms =
  'redis://[user:password@]host[:port][/database], redis+cluster://…host:port,host:port or redis+sentinel://…host:port,host:port/<name of the primary>[/database]; each with rediss for TLS';

/**
 * Reads where Redis is:
 *
 * - `redis://user:password@host:6379/0`: one server
 * - `redis+cluster://user:password@a:6379,b:6379`, or several `redis://` URLs with commas between them: a cluster
 * - `redis+sentinel://user:password@s1:26379,s2:26379/name/0`: wherever these Sentinels say that the primary is
 *
 * `rediss` for TLS. Parameters: the PEM files `ca`, `cert` and `key`; `sentinelUsername` and `sentinelPassword`. User and
 * password are percent-encoded.
 *
 * @throws TidegateError CONFIG_INVALID with every problem.
 */
export const parseRedisUrl = (url: string): RedisAddress => {
  const parts = form.exec(joined(url))?.groups;
  if (!parts) throw invalid([{ path: 'url', message: `is not of the form ${forms}` }]);
  const problems: Problem[] = [];
  const hosts = (parts['hosts'] ?? '').split(',');
  const kind = parts['kind']?.toLowerCase() === 'sentinel' ? 'sentinel' : kindOf(parts['kind'], hosts.length);
  const servers = hosts.flatMap((host) => readServer(host, defaultPorts[kind], problems));
  const query = readQuery(parts['query'] ?? '', problems);
  const tls = parts['tls'] !== '';
  checkQuery(query, { tls, kind }, problems);
  const [username, password] = readCredentials(parts['credentials'], problems);
  const place = readPlace(kind, parts, problems);
  if (problems.length > 0) throw invalid(problems);
  return {
    kind,
    servers,
    username,
    password,
    sentinelUsername: query.get('sentinelUsername') ?? '',
    sentinelPassword: query.get('sentinelPassword') ?? '',
    ...place,
    tls,
    caFile: query.get('ca') ?? null,
    certFile: query.get('cert') ?? null,
    keyFile: query.get('key') ?? null,
    text: textOf({ kind, servers, tls, ...place }),
  };
};

const startOf = (url: string): string => /^rediss?:\/\/(?:[^/?#]*@)?/i.exec(url)?.[0] ?? '';

/** `redis://u:p@a:1,redis://u:p@b:2` → `redis://u:p@a:1,b:2`. Where their beginnings differ nothing fits: ''. */
const joined = (url: string): string => {
  const [first = '', ...others] = url.split(/,(?=rediss?:\/\/)/i);
  const start = startOf(first);
  if (others.some((other) => startOf(other) !== start)) return '';
  return [first, ...others.map((other) => other.slice(start.length))].join(',');
};

const kindOf = (named: string | undefined, hosts: number): 'single' | 'cluster' =>
  named !== undefined || hosts > 1 ? 'cluster' : 'single';

const invalid = (problems: readonly Problem[]): TidegateError => {
  const list = problems.map(({ path, message }) => `${path} ${message}`).join('; ');
  return new TidegateError('CONFIG_INVALID', `Redis URL: ${list}`, { problems });
};

const readServer = (text: string, defaultPort: number, problems: Problem[]): RedisServer[] => {
  const { v6, host = v6, port = String(defaultPort) } = hostForm.exec(text)?.groups ?? {};
  if (host !== undefined && Number(port) >= 1 && Number(port) <= 65_535) return [{ host, port: Number(port) }];
  problems.push({ path: 'host', message: text === '' ? 'is missing' : `${JSON.stringify(text)} is not host:port` });
  return [];
};

const readQuery = (text: string, problems: Problem[]): ReadonlyMap<string, string> => {
  const known = [...tlsFiles, ...sentinelSecrets];
  const query = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(text)) {
    if (!known.includes(name)) {
      problems.push({ path: name, message: `is no parameter; there are ${known.join(', ')}` });
    } else if (query.has(name)) problems.push({ path: name, message: 'is given twice' });
    else if (value === '') problems.push({ path: name, message: 'is empty' });
    else query.set(name, value);
  }
  return query;
};

const checkQuery = (
  query: ReadonlyMap<string, string>,
  { tls, kind }: Pick<RedisAddress, 'tls' | 'kind'>,
  problems: Problem[],
): void => {
  for (const name of query.keys()) {
    if (tlsFiles.includes(name) && !tls) problems.push({ path: name, message: 'needs TLS: rediss' });
    if (sentinelSecrets.includes(name) && kind !== 'sentinel') {
      problems.push({ path: name, message: 'needs Sentinels: redis+sentinel' });
    }
  }
  if (query.has('cert') !== query.has('key')) problems.push({ path: 'cert', message: 'and key go together' });
  if (query.has('sentinelUsername') && !query.has('sentinelPassword')) {
    problems.push({ path: 'sentinelUsername', message: 'needs sentinelPassword' });
  }
};

/** The texts themselves stay out of messages: they are secrets. */
const readCredentials = (text: string | undefined, problems: Problem[]): [username: string, password: string] => {
  if (text === undefined) return ['', ''];
  const [username = '', password = '', ...rest] = text.split(':').map((part) => decoded(part, 'credentials', problems));
  if (password === '' || rest.length > 0) {
    problems.push({ path: 'credentials', message: 'must be user:password or :password, each percent-encoded' });
  }
  return [username, password];
};

type Place = Pick<RedisAddress, 'masterName' | 'database'>;

/** What follows the hosts: the database; for Sentinels the name of the primary before it, or behind a `#`. */
const readPlace = (kind: RedisAddress['kind'], parts: Record<string, string>, problems: Problem[]): Place => {
  const path = (parts['path'] ?? '').split('/');
  const fragment = parts['fragment'] ?? '';
  if (kind !== 'sentinel' && fragment !== '') problems.push({ path: 'url', message: 'has nothing behind a #' });
  const named = kind === 'sentinel' && fragment === '' ? path.shift() : fragment;
  const masterName = decoded(named ?? '', 'name', problems);
  if (kind === 'sentinel' && masterName === '') {
    problems.push({ path: 'name', message: 'of the primary is missing: redis+sentinel://host:26379/<name>' });
  }
  const [database = '', ...rest] = path;
  const isNumber = /^\d{0,10}$/.test(database) && Number(database) <= maxDatabase && rest.join('') === '';
  if (!isNumber) problems.push({ path: 'database', message: 'must be a number: /0' });
  else if (kind === 'cluster' && Number(database) > 0) {
    problems.push({ path: 'database', message: 'must be 0: a cluster has no other' });
  }
  return { masterName: kind === 'sentinel' ? masterName : '', database: isNumber ? Number(database) : 0 };
};

const decoded = (text: string, path: string, problems: Problem[]): string => {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    problems.push({ path, message: 'is not percent-encoded correctly' });
    return text;
  }
};

const textOf = (address: Place & Pick<RedisAddress, 'kind' | 'servers' | 'tls'>): string => {
  const { kind, servers, tls, masterName, database } = address;
  const scheme = `redis${tls ? 's' : ''}${kind === 'single' ? '' : `+${kind}`}`;
  const hosts = servers.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`);
  const path = [masterName, database > 0 ? String(database) : ''].filter((part) => part !== '');
  return `${scheme}://${[hosts.join(','), ...path].join('/')}`;
};
