import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { buildCommand } from '../../../../src/cli/dashboards/build.ts';
import { checkCommand } from '../../../../src/cli/dashboards/check.ts';
import { dashboardsCommand } from '../../../../src/cli/dashboards/dashboards-command.ts';
import { runCommand } from '../../../support/command-run.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidegate-build-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const build = (args: readonly string[]) => runCommand(buildCommand, args);
const check = (args: readonly string[]) => runCommand(checkCommand, args);

describe('tidegate dashboards build', () => {
  it('writes what Grafana, Prometheus and ClickHouse load, and check finds it unchanged', async () => {
    const out = join(folder, 'as-shipped');
    const { exitCode, stdout } = await build(['--out', out, '--json']);
    expect(exitCode).toBe(0);
    const { files } = JSON.parse(stdout) as { files: string[] };
    for (const part of [
      'json/tidegate-overview.json',
      'provisioning/datasources/tidegate.yaml',
      'clickhouse/grafana-user.xml',
    ]) {
      expect(files).toContain(part);
    }
    expect(files.filter((path) => !existsSync(join(out, path)))).toEqual([]);
    expect(await check(['--dir', out])).toMatchObject({ exitCode: 0, stdout: '' });
  });

  it('asks the data source that is named, everywhere', async () => {
    const out = join(folder, 'other-source');
    const { stdout } = await build(['--out', out, '--source-uid', 'prod-ch', '--json']);
    const { files } = JSON.parse(stdout) as { files: string[] };
    const texts = files.map((path) => readFileSync(join(out, path), 'utf8'));
    expect(texts.filter((text) => text.includes('tidegate-clickhouse'))).toEqual([]);
    expect(texts.filter((text) => text.includes('prod-ch')).length).toBeGreaterThan(1);
    expect((await check(['--dir', out, '--source-uid', 'prod-ch'])).exitCode).toBe(0);
    expect((await check(['--dir', out])).exitCode).toBe(1);
  });

  it('needs to know where to, and can write there', async () => {
    expect(await build([])).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('--out is missing') });
    const file = join(folder, 'a-file');
    writeFileSync(file, '');
    expect(await build(['--out', file])).toMatchObject({ exitCode: 2, stderr: expect.stringContaining(file) });
  });

  it('writes through no link to a file elsewhere, and nothing at all where one lies', async () => {
    const out = join(folder, 'linked');
    const elsewhere = join(folder, 'elsewhere');
    writeFileSync(elsewhere, 'mine');
    mkdirSync(join(out, 'prometheus'), { recursive: true });
    symlinkSync(elsewhere, join(out, 'prometheus/rules.yml'));
    const { exitCode, stderr } = await build(['--out', out]);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('rules.yml is a symbolic link')]);
    expect([readFileSync(elsewhere, 'utf8'), existsSync(join(out, 'json'))]).toEqual(['mine', false]);
  });
});

describe('tidegate dashboards check --dir', () => {
  it('says which files differ and which are missing', async () => {
    const out = join(folder, 'changed');
    await build(['--out', out]);
    appendFileSync(join(out, 'json/tidegate-overview.json'), ' ');
    unlinkSync(join(out, 'provisioning/alerting/contact-points.yaml'));
    const { exitCode, stdout } = await check(['--dir', out]);
    expect(exitCode).toBe(1);
    expect(stdout.trim().split('\n')).toEqual([
      'differs  json/tidegate-overview.json',
      'missing  provisioning/alerting/contact-points.yaml',
    ]);
  });
});

describe('tidegate dashboards', () => {
  it.each(['build', 'check', 'push'])('explains %s with an example', async (name) => {
    const { exitCode, stderr, stdout } = await runCommand(dashboardsCommand, [name, '--help']);
    expect([exitCode, stdout + stderr]).toEqual([0, expect.stringContaining(`$ tidegate dashboards ${name} --`)]);
  });
});
