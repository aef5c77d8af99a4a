import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { projectFolder } from '../services/folders.ts';
import { ask } from '../services/ports.ts';
import { processId } from '../services/process-id.ts';
import { describeWith, startRedis } from '../support/engines.ts';

const services = (...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> =>
  new Promise((resolve) => {
    const script = join(projectFolder, 'test/services/main.ts');
    execFile(
      process.execPath,
      ['--import', 'tsx', script, ...args],
      { cwd: projectFolder },
      (error, stdout, stderr) => {
        resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, stdout, stderr });
      },
    );
  });

describe('npm run services', () => {
  it('explains itself', async () => {
    const { code, stdout } = await services('--help');
    expect(code).toBe(0);
    expect(stdout).toContain('npm run services -- up');
  });

  it('says in JSON what runs', async () => {
    const { code, stdout } = await services('status', '--json');
    expect(code).toBe(0);
    const status = JSON.parse(stdout) as { services: { name: string }[] };
    expect(status.services.map(({ name }) => name)).toEqual(['redis', 'kafka']);
  });

  it.each([[['sideways']], [['up', 'mysql']]])('ends with code 2 and no stack trace for %j', async (args) => {
    const { code, stderr } = await services(...args);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error: /);
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});

describeWith('redis', 'an engine of a test', () => {
  const folders: string[] = [];
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  });

  it('can be killed, brought back on its port, frozen and thawed, and is gone in the end', async () => {
    const redis = await startRedis();
    expect(await ask(redis.port, 'PING\r\n', 1_000)).toBe('+PONG\r\n');
    await redis.kill();
    expect(await ask(redis.port, 'PING\r\n', 1_000)).toBeNull();
    await redis.restart();
    expect(await ask(redis.port, 'PING\r\n', 1_000)).toBe('+PONG\r\n');
    redis.freeze();
    expect(await ask(redis.port, 'PING\r\n', 200)).toBeNull();
    redis.thaw();
    expect(await ask(redis.port, 'PING\r\n', 1_000)).toBe('+PONG\r\n');
    await redis.stop();
    expect(await ask(redis.port, 'PING\r\n', 1_000)).toBeNull();
  });

  it('dies with the process that started it, even when that one is killed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tidegate-engine-'));
    folders.push(folder);
    const script = `
      const { launchRedis } = await import('./test/services/redis.ts');
      const { id } = await launchRedis({ folder: ${JSON.stringify(folder)}, tied: true });
      console.log(id.pid);
      setInterval(() => undefined, 1000);`;
    const owner = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      cwd: projectFolder,
    });
    const [said] = (await once(owner.stdout, 'data')) as [Buffer];
    const pid = Number(said.toString());
    expect(processId(pid)).not.toBeNull();
    owner.kill('SIGKILL');
    await vi.waitFor(() => expect(processId(pid)).toBeNull(), { timeout: 15_000 });
  });
});
