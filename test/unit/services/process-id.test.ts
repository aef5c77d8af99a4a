import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { isRunning, processId, selfId, signal } from '../../services/process-id.ts';

const children: ReturnType<typeof spawn>[] = [];

const sleeper = (): { child: ReturnType<typeof spawn>; pid: number } => {
  const child = spawn('sleep', ['60']);
  children.push(child);
  return { child, pid: child.pid ?? 0 };
};

describe('a process id', () => {
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });

  it('tells that a process runs, and that it has ended', async () => {
    const { child, pid } = sleeper();
    const id = processId(pid);
    expect(id && isRunning(id)).toBe(true);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(id && isRunning(id)).toBe(false);
    expect(processId(pid)).toBeNull();
  });

  it('does not take another process that has the same number for the one it names', () => {
    const { pid } = sleeper();
    const stale = { pid, started: 'long ago' };
    expect(isRunning(stale)).toBe(false);
    signal(stale, 'SIGKILL');
    expect(processId(pid)).not.toBeNull();
  });

  it('knows this process', () => {
    expect(selfId().pid).toBe(process.pid);
    expect(isRunning(selfId())).toBe(true);
  });

  it('is null for a number that no process has', () => {
    expect(processId(2 ** 22 + 1)).toBeNull();
  });
});
