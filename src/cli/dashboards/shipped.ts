import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { parseDurationMs } from '../../duration.ts';
import { TidegateError } from '../../errors.ts';
import type { JsonObject } from './differences.ts';

/** As the files call the data source. */
export const defaultSourceUid = 'tidegate-clickhouse';

/** In a checkout as in the package: beside src or dist. */
const shippedFolder = fileURLToPath(new URL('../../../dashboards/', import.meta.url));
const parts = ['clickhouse', 'json', 'opt-in', 'prometheus', 'provisioning'] as const;

export interface ShippedDashboard extends JsonObject {
  readonly uid: string;
  readonly title: string;
}

export interface ShippedRule extends JsonObject {
  readonly uid: string;
  readonly title: string;
  /** The group it belongs to, and how often that is evaluated. */
  readonly group: string;
  readonly intervalSeconds: number;
}

const filesUnder = (folder: string, below = ''): string[] =>
  readdirSync(join(folder, below), { withFileTypes: true })
    .flatMap((entry) => {
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      return entry.isDirectory() ? filesUnder(folder, path) : [path];
    })
    .sort();

const sourcePattern = /^[A-Za-z0-9_-]{1,40}$/;

/**
 * Path → text of every file that this release has for Grafana, Prometheus and ClickHouse, asking the data source `sourceUid`.
 *
 * @throws TidegateError INPUT_INVALID when that can be no uid.
 */
export const shippedFiles = (sourceUid: string = defaultSourceUid): ReadonlyMap<string, string> => {
  if (!sourcePattern.test(sourceUid)) {
    throw new TidegateError(
      'INPUT_INVALID',
      `--source-uid ${sourceUid} is no uid: letters, digits, - and _, at most 40`,
    );
  }
  const asking = (text: string): string => text.replaceAll(defaultSourceUid, sourceUid);
  return new Map(
    parts.flatMap((part) =>
      filesUnder(join(shippedFolder, part)).map((path) => {
        const text = readFileSync(join(shippedFolder, part, path), 'utf8');
        return [`${part}/${path}`, asking(text)] as const;
      }),
    ),
  );
};

const textsIn = (files: ReadonlyMap<string, string>, pattern: RegExp): string[] =>
  [...files].filter(([path]) => pattern.test(path)).map(([, text]) => text);

/** The dashboards among the files. */
export const dashboardsIn = (files: ReadonlyMap<string, string>): ShippedDashboard[] =>
  textsIn(files, /^json\/.*\.json$/).map((text) => JSON.parse(text) as ShippedDashboard);

interface FileGroup {
  readonly name: string;
  readonly interval: string;
  readonly rules: readonly FileRule[];
}
interface FileRule extends JsonObject {
  readonly uid: string;
  readonly title: string;
}

/** The alert rules among the files, in the words of the files. */
export const rulesIn = (files: ReadonlyMap<string, string>): ShippedRule[] =>
  textsIn(files, /^provisioning\/alerting\/.*\.ya?ml$/).flatMap((text) => {
    const { groups = [] } = parse(text) as { readonly groups?: readonly FileGroup[] };
    return groups.flatMap(({ name, interval, rules }) =>
      rules.map((rule) => ({
        ...rule,
        group: name,
        intervalSeconds: (parseDurationMs(interval) ?? 60_000) / 1000,
      })),
    );
  });
