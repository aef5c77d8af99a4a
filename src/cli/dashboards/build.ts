import { lstatSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Command } from 'commander';
import { fileTroubleOf, TidegateError } from '../../errors.ts';
import type { Host } from '../command-line.ts';
import { defaultSourceUid, shippedFiles } from './shipped.ts';

interface Flags {
  readonly out?: string;
  readonly sourceUid: string;
  readonly json?: boolean;
}

const isLink = (path: string): boolean => {
  try {
    return lstatSync(path).isSymbolicLink();
  } catch {
    // Nothing is there, or nothing can be: writing says what is wrong.
    return false;
  }
};

/** A link that lies there leads to a file of somebody else's, which is not this one's to replace. */
const refuseLink = (path: string): void => {
  if (!isLink(path)) return;
  throw new TidegateError('INPUT_INVALID', `${path} is a symbolic link: remove it, or name another folder by --out`);
};

const write = (path: string, text: string): void => {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  } catch (cause) {
    throw new TidegateError('INPUT_INVALID', `${path} cannot be written: ${fileTroubleOf(cause)}`, { cause });
  }
};

const help = `
Writes json/ (dashboards), provisioning/ (data source, dashboards, alert rules, contact point), opt-in/ (a notification policy,
which replaces that of the organization), prometheus/ (rules, and a configuration to start from) and clickhouse/ (a user that
can only read). Files of the same names are replaced. What each is for: docs/guides/grafana.md.

Example:
  $ tidegate dashboards build --out grafana`;

/** `tidegate dashboards build`. */
export const buildCommand = (host: Host): Command =>
  new Command('build')
    .summary('Write dashboards, provisioning and rules as files')
    .description('Write dashboards, their provisioning, and rules for Prometheus as files.')
    .helpOption('-h, --help', 'this text')
    .addHelpText('after', help)
    .option('--out <folder>', 'where to (required); made when it is not there')
    .option('--source-uid <uid>', 'uid of the ClickHouse data source', defaultSourceUid)
    .option('--json', 'print {"files"} as one line')
    .action(({ out, sourceUid, json }: Flags) => {
      if (out === undefined) throw new TidegateError('INPUT_INVALID', '--out is missing: the folder to write to');
      const files = shippedFiles(sourceUid);
      for (const path of files.keys()) refuseLink(join(out, path));
      for (const [path, text] of files) write(join(out, path), text);
      const names = [...files.keys()];
      if (json === true) host.stdout.write(`${JSON.stringify({ files: names })}\n`);
      else host.stdout.write(names.map((name) => `${join(out, name)}\n`).join(''));
    });
