import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { Clock } from '../../clock.ts';
import { fileTroubleOf, TidegateError } from '../../errors.ts';
import { type Fetch, Grafana } from './grafana.ts';

export interface ConnectionFlags {
  readonly url?: string;
  readonly tokenFile?: string;
}

export interface ConnectionOptions {
  readonly flags: ConnectionFlags;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly fetch?: Fetch;
}

/** The flags that say which Grafana, and as whom. */
export const withConnection = (command: Command): Command =>
  command
    .option('--url <url>', 'where Grafana answers (default: TIDEGATE_GRAFANA_URL)')
    .option(
      '--token-file <file>',
      'holds the token of a service account (default: the variable TIDEGATE_GRAFANA_TOKEN)',
    );

const maxTokenBytes = 4096;

const tokenIn = (path: string): string => {
  let token: string;
  try {
    token = readFileSync(path, 'utf8').slice(0, maxTokenBytes).trim();
  } catch (cause) {
    throw new TidegateError('INPUT_INVALID', `The token file ${path} cannot be read: ${fileTroubleOf(cause)}`, {
      cause,
    });
  }
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new TidegateError('INPUT_INVALID', `${path} holds no token: one line of printable characters is expected`);
};

const tokenOf = ({ tokenFile }: ConnectionFlags, env: ConnectionOptions['env']): string | null => {
  if (tokenFile !== undefined) return tokenIn(tokenFile);
  const token = env['TIDEGATE_GRAFANA_TOKEN']?.trim();
  if (token === undefined || token === '') return null;
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new TidegateError('INPUT_INVALID', 'TIDEGATE_GRAFANA_TOKEN holds characters that no token has');
};

const urlOf = (text: string | undefined): URL => {
  if (text === undefined || text === '') {
    throw new TidegateError('INPUT_INVALID', 'Which Grafana? Name it by --url or TIDEGATE_GRAFANA_URL');
  }
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url !== null && /^https?:$/.test(url.protocol)) return url;
  throw new TidegateError('INPUT_INVALID', '--url is no address of Grafana: https://grafana.example.org');
};

/** @throws TidegateError INPUT_INVALID when no address or a bad token was given. */
export const openGrafana = ({ flags, env, clock, fetch }: ConnectionOptions): Grafana => {
  const url = urlOf(flags.url ?? env['TIDEGATE_GRAFANA_URL']);
  const token = tokenOf(flags, env);
  return new Grafana({ url, token, clock, ...(fetch === undefined ? {} : { fetch }) });
};
