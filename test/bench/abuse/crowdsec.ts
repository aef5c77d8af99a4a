import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { usablePorts } from '../../services/ports.ts';
import { runProgram } from '../../services/programs.ts';

/** CrowdSec's local API, which holds the decisions, with its own database in a folder. */
export interface CrowdSec {
  /** A file of addresses, all banned for a day. */
  importFile(file: string): Promise<void>;
  /** Everything in force, as a bouncer that starts takes it. Gives the number of decisions. */
  snapshot(): Promise<number>;
  deleteAll(): Promise<void>;
  stop(): void;
}

const configOf = (folder: string, port: number): string => `
common: { daemonize: false, log_media: file, log_level: warning, log_dir: ${folder}/ }
config_paths:
  config_dir: ${folder}/
  data_dir: ${folder}/
  simulation_path: ${folder}/simulation.yaml
  hub_dir: ${folder}/
  index_path: ${folder}/index.json
cscli: { output: human }
db_config: { type: sqlite, db_path: ${folder}/decisions.db, use_wal: true, flush: { max_items: 1000000, max_age: 7d } }
api:
  client: { credentials_path: ${folder}/credentials.yaml }
  server: { log_level: warning, listen_uri: 127.0.0.1:${port}, profiles_path: ${folder}/profiles.yaml, console_path: ${folder}/console.yaml }
`;

const profiles = `name: default
filters: [ "Alert.Remediation == true" ]
decisions: [ { type: ban, duration: 4h } ]
`;

/** The programs of Debian's package, taken out of it: nothing is installed. */
const programsIn = async (keepFolder: string): Promise<string> => {
  const folder = join(keepFolder, 'crowdsec');
  const programs = join(folder, 'usr', 'bin');
  if (existsSync(join(programs, 'cscli'))) return programs;
  mkdirSync(folder, { recursive: true });
  await runProgram('apt-get', ['download', 'crowdsec'], { cwd: folder });
  await runProgram('sh', ['-c', 'dpkg -x crowdsec_*.deb .'], { cwd: folder });
  return programs;
};

const answers = async (url: string): Promise<boolean> => {
  try {
    return (await fetch(url)).status > 0;
  } catch {
    return false;
  }
};

const waitFor = async (url: string, server: ChildProcess): Promise<void> => {
  for (let tries = 0; tries < 200; tries += 1) {
    if (server.exitCode !== null) throw new Error(`crowdsec ended with code ${server.exitCode}`);
    if (await answers(url)) return;
    await pause(100);
  }
  throw new Error('crowdsec does not answer');
};

/** Starts it in this folder, which must be empty. */
export const startCrowdSec = async (folder: string, keepFolder: string): Promise<CrowdSec> => {
  const programs = await programsIn(keepFolder);
  const [port] = await usablePorts(undefined);
  const url = `http://127.0.0.1:${port}`;
  const config = join(folder, 'config.yaml');
  const files = { 'config.yaml': configOf(folder, port), 'profiles.yaml': profiles, 'index.json': '{}' };
  const others = { 'simulation.yaml': 'simulation: false', 'console.yaml': '', 'credentials.yaml': '' };
  for (const [name, text] of Object.entries({ ...files, ...others })) writeFileSync(join(folder, name), text);
  const cscli = (...args: string[]): Promise<string> => runProgram(join(programs, 'cscli'), ['-c', config, ...args]);
  const credentials = join(folder, 'credentials.yaml');
  await cscli('machines', 'add', 'bench', '--auto', '-f', credentials, '--url', url, '--force');
  const key = (await cscli('bouncers', 'add', 'bench', '-o', 'raw')).trim();
  const server = spawn(join(programs, 'crowdsec'), ['-c', config, '-no-cs'], { stdio: 'ignore' });
  process.once('exit', () => server.kill('SIGKILL'));
  await waitFor(url, server);
  return {
    importFile: async (file) => {
      await cscli('decisions', 'import', '-i', file, '-d', '24h', '-R', 'bench', '--type', 'ban');
    },
    snapshot: async () => {
      const answer = await fetch(`${url}/v1/decisions/stream?startup=true`, { headers: { 'x-api-key': key } });
      const { new: decisions } = (await answer.json()) as { new: unknown[] | null };
      return decisions?.length ?? 0;
    },
    deleteAll: async () => {
      await cscli('decisions', 'delete', '--all');
    },
    stop: () => server.kill('SIGKILL'),
  };
};
