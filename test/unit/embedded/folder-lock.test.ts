import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openChdb } from '../../../src/embedded/chdb.ts';
import { endpointOf, lockFolder } from '../../../src/embedded/folder-lock.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidegate-lock-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const lockFile = (): string => join(folder, 'tidegate.lock');

describe('a data folder', () => {
  it('is locked until it is released, and leaves nothing behind', () => {
    const lock = lockFolder(folder);
    expect(() => lockFolder(folder)).toThrow(/held by process/);
    lock.release();
    expect(readdirSync(folder)).toEqual([]);
    lockFolder(folder).release();
  });

  it('is made where it is missing', () => {
    const inner = join(folder, 'a/b');
    lockFolder(inner).release();
    expect(existsSync(inner)).toBe(true);
  });

  it('is refused while another process lives, naming the process and where to ask', () => {
    const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    try {
      writeFileSync(
        lockFile(),
        JSON.stringify({ pid: other.pid, startedTicks: '', endpoint: 'http://127.0.0.1:7070' }),
      );
      expect(() => lockFolder(folder)).toThrow(`Ask http://127.0.0.1:7070 instead, or stop process ${other.pid}`);
    } finally {
      other.kill('SIGKILL');
    }
  });

  it('announces where to ask', () => {
    const lock = lockFolder(folder);
    lock.announce('http://127.0.0.1:7171');
    expect(() => lockFolder(folder)).toThrow(/http:\/\/127\.0\.0\.1:7171/);
    lock.release();
  });

  it('tells people where SQL is answered too, and programs the address of the API alone', () => {
    const lock = lockFolder(folder);
    expect(endpointOf(folder)).toBeNull();
    lock.announce('http://127.0.0.1:7171', 'http://127.0.0.1:7272');
    expect(endpointOf(folder)).toBe('http://127.0.0.1:7171');
    expect(() => lockFolder(folder)).toThrow('http://127.0.0.1:7171 (in SQL http://127.0.0.1:7272)');
    lock.release();
  });

  it('is taken over from a process that is gone', () => {
    const pid = Number(execFileSync(process.execPath, ['-p', 'process.pid']));
    writeFileSync(lockFile(), JSON.stringify({ pid, startedTicks: '', endpoint: '' }));
    lockFolder(folder).release();
  });

  it.skipIf(process.platform !== 'linux')('is taken over when another process has got the old number since', () => {
    writeFileSync(lockFile(), JSON.stringify({ pid: process.ppid, startedTicks: '1', endpoint: '' }));
    lockFolder(folder).release();
  });

  it('is taken over when the old lock has this process’s own number: in a container all have number 1', () => {
    writeFileSync(lockFile(), JSON.stringify({ pid: process.pid, startedTicks: '', endpoint: '' }));
    lockFolder(folder).release();
  });

  it.each(['', '{"pid":', 'null'])('is taken over when the lock was never written to its end: %j', (text) => {
    writeFileSync(lockFile(), text);
    lockFolder(folder).release();
  });
});

describe('opening chDB', () => {
  it('is refused, by name, where a folder cannot be', async () => {
    writeFileSync(join(folder, 'file'), '');
    const opening = openChdb({ folder: join(folder, 'file/data') });
    await expect(opening).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE' });
    await expect(opening).rejects.toThrow(/file\/data cannot be used/);
  });
});
