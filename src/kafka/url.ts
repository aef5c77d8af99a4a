import { type Problem, TidegateError } from '../errors.ts';

const saslMechanisms = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;
export type SaslMechanism = (typeof saslMechanisms)[number];

/** What a `kafka://` URL says. */
export interface KafkaAddress {
  /** `host:port`, at least one. */
  readonly brokers: readonly string[];
  readonly ssl: boolean;
  /** Files with PEM text, for TLS: the authorities to trust, and this client's own certificate and key. */
  readonly caFile: string | null;
  readonly certFile: string | null;
  readonly keyFile: string | null;
  readonly sasl: { readonly mechanism: SaslMechanism; readonly username: string; readonly password: string } | null;
  /** The URL without credentials, for messages. */
  readonly text: string;
}

const defaultPort = 9092;
const parameters = ['ssl', 'sasl', 'ca', 'cert', 'key'];
const form = /^kafka:\/\/(?:(?<credentials>[^/?#]*)@)?(?<hosts>[^@/?#]*)\/?(?:\?(?<query>[^#]*))?$/;
const hostForm = /^(?<host>\[[0-9a-fA-F:.]+\]|[^:[\]\s]+)(?::(?<port>\d{1,5}))?$/;

/**
 * Reads `kafka://user:password@a:9092,b:9092?ssl=true&sasl=scram-sha-256`. Parameters: `ssl` (true | false, default
 * false), `sasl` (plain | scram-sha-256 | scram-sha-512), and for TLS the PEM files `ca`, `cert` and `key`. User and
 * password are percent-encoded.
 *
 * @throws TidegateError CONFIG_INVALID with every problem.
 */
export const parseKafkaUrl = (url: string): KafkaAddress => {
  const parts = form.exec(url)?.groups;
  if (!parts) {
    throw invalid([
      { path: 'url', message: 'is not of the form kafka://[user:password@]host:port[,host:port…][?ssl=…]' },
    ]);
  }
  const problems: Problem[] = [];
  const brokers = (parts['hosts'] ?? '').split(',').flatMap((host) => readBroker(host, problems));
  const query = readQuery(parts['query'] ?? '', problems);
  const ssl = readSsl(query, problems);
  const sasl = readSasl(parts['credentials'], query.get('sasl'), problems);
  if (problems.length > 0) throw invalid(problems);
  return {
    brokers,
    ssl,
    caFile: query.get('ca') ?? null,
    certFile: query.get('cert') ?? null,
    keyFile: query.get('key') ?? null,
    sasl,
    text: `kafka://${brokers.join(',')}`,
  };
};

const invalid = (problems: readonly Problem[]): TidegateError => {
  const list = problems.map(({ path, message }) => `${path} ${message}`).join('; ');
  return new TidegateError('CONFIG_INVALID', `Kafka URL: ${list}`, { problems });
};

const readBroker = (text: string, problems: Problem[]): string[] => {
  const { host, port = String(defaultPort) } = hostForm.exec(text)?.groups ?? {};
  if (host !== undefined && Number(port) >= 1 && Number(port) <= 65_535) return [`${host}:${port}`];
  problems.push({ path: 'host', message: text === '' ? 'is missing' : `${JSON.stringify(text)} is not host:port` });
  return [];
};

const readQuery = (text: string, problems: Problem[]): ReadonlyMap<string, string> => {
  const query = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(text)) {
    if (!parameters.includes(name)) {
      problems.push({ path: name, message: `is no parameter; there are ${parameters.join(', ')}` });
    } else if (query.has(name)) problems.push({ path: name, message: 'is given twice' });
    else if (value === '') problems.push({ path: name, message: 'is empty' });
    else query.set(name, value);
  }
  return query;
};

const readSsl = (query: ReadonlyMap<string, string>, problems: Problem[]): boolean => {
  const ssl = query.get('ssl') ?? 'false';
  if (ssl !== 'true' && ssl !== 'false') {
    problems.push({ path: 'ssl', message: `must be true or false, is ${JSON.stringify(ssl)}` });
  }
  for (const name of ['ca', 'cert', 'key']) {
    if (query.has(name) && ssl === 'false') problems.push({ path: name, message: 'needs ssl=true' });
  }
  if (query.has('cert') !== query.has('key')) problems.push({ path: 'cert', message: 'and key go together' });
  return ssl === 'true';
};

const readSasl = (
  credentials: string | undefined,
  wanted: string | undefined,
  problems: Problem[],
): KafkaAddress['sasl'] => {
  if (credentials === undefined && wanted === undefined) return null;
  const mechanism = saslMechanisms.find((known) => known === wanted);
  if (!mechanism) {
    problems.push({ path: 'sasl', message: `must be ${saslMechanisms.join(' or ')}, is ${wanted ?? 'missing'}` });
  }
  const [username = '', password = '', ...rest] = (credentials ?? '').split(':').map((part) => decoded(part, problems));
  if (username === '' || password === '' || rest.length > 0) {
    // The text itself stays out of the message: it is a secret.
    problems.push({ path: 'credentials', message: 'must be user:password, each percent-encoded' });
  }
  return mechanism ? { mechanism, username, password } : null;
};

const decoded = (text: string, problems: Problem[]): string => {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    problems.push({ path: 'credentials', message: 'are not percent-encoded correctly' });
    return text;
  }
};
