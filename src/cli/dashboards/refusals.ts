import { TidegateError } from '../../errors.ts';
import { plainText } from '../time-text.ts';

export interface Refusal {
  readonly status: number;
  readonly text: string;
  /** What was asked for. */
  readonly what: string;
  /** Whom. */
  readonly grafana: string;
}

interface Told {
  readonly status?: string;
  readonly message?: string;
}

/** Whatever answers there may have written it: text alone counts, on one line and without what a terminal acts on. */
const textAt = (body: unknown, name: keyof Told): Told => {
  const value = typeof body === 'object' && body !== null ? (body as Record<string, unknown>)[name] : undefined;
  return typeof value === 'string' ? { [name]: plainText(value) } : {};
};

const toldIn = (text: string): Told => {
  try {
    const body: unknown = JSON.parse(text);
    return { ...textAt(body, 'status'), ...textAt(body, 'message') };
  } catch {
    return {};
  }
};

const advice = {
  unknown:
    'It knows no such token: make one for a service account of Grafana (Administration, Service accounts), and give it by --token-file or TIDEGATE_GRAFANA_TOKEN',
  forbidden:
    'The token may not do that: for dashboards the service account needs the role Editor (or dashboards:read, dashboards:write, dashboards:create, folders:read, folders:create); for alert rules the role Admin (or alert.provisioning:read and alert.provisioning:write), unless you give --no-rules',
  away: 'There is no such thing there: check --url, with the path that Grafana is served under (https://example.org/grafana), and --folder',
  changed: 'Somebody changed it since it was read. Run it again to see what would change now',
  name: 'Another of that name is in the folder: rename or remove it, or choose another folder by --folder',
  files: 'It was loaded from files there: change those (tidegate dashboards build), or take them away first',
  plugin: 'It belongs to a plugin there',
  moved: 'It answers from another address: name that one by --url',
  large: 'It, or a proxy before it, takes no request of this size',
  broken: 'Its log says more',
  busy: 'It is busy: try again later',
} as const;

const adviceFor = (status: number, { status: reason = '', message = '' }: Told): string => {
  if (status === 401) return advice.unknown;
  if (/provisioned|provenance/i.test(message)) return advice.files;
  if (status === 403) return advice.forbidden;
  if (status === 404) return advice.away;
  if (reason === 'version-mismatch') return advice.changed;
  if (reason === 'plugin-dashboard') return advice.plugin;
  if (reason === 'name-exists' || /same (?:name|title)|already exists/i.test(message)) return advice.name;
  if (status === 409 || status === 412) return advice.changed;
  if (status === 413) return advice.large;
  if (status >= 300 && status < 400) return advice.moved;
  if (status === 500) return advice.broken;
  if (status === 429 || status >= 500) return advice.busy;
  return 'It does not take what was sent: see the versions of Grafana that docs/guides/grafana.md names';
};

const longestMessage = 300;

/** The error that says what Grafana refused, what it said itself, and what to do. */
export const refusalOf = ({ status, text, what, grafana }: Refusal): TidegateError => {
  const told = toldIn(text);
  const said = told.message ? ` (${told.message.slice(0, longestMessage)})` : '';
  return new TidegateError(
    'GRAFANA_REFUSED',
    `Grafana at ${grafana} answered ${status}${said} about ${what}. ${adviceFor(status, told)}`,
    { retryable: status === 429 || status >= 500 },
  );
};
