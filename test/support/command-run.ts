import { Writable } from 'node:stream';
import type { Command } from 'commander';
import type { Host } from '../../src/cli/command-line.ts';
import { describeFailure } from '../../src/cli/failure.ts';
import type { Ended } from './tidegate-process.ts';

class Collected extends Writable {
  text = '';

  override _write(chunk: Buffer | string, _encoding: string, done: () => void): void {
    this.text += String(chunk);
    done();
  }
}

const asItIs = (text: string): string => text;

/** No process: it throws where one would end. */
const muted = (command: Command, write: (text: string) => void): Command => {
  command.exitOverride().configureOutput({ writeOut: write, writeErr: write });
  for (const below of command.commands) muted(below as Command, write);
  return command;
};

/** Runs a command of the program inside this process: a start costs a second each. */
export const runCommand = async (make: (host: Host) => Command, args: readonly string[]): Promise<Ended> => {
  const [stdout, stderr] = [new Collected(), new Collected()];
  const host: Host = { stdout, stderr, isTerminal: false, opened: () => undefined };
  const before = process.exitCode;
  process.exitCode = undefined;
  try {
    await muted(make(host), (text) => void stderr.write(text)).parseAsync([...args], { from: 'user' });
    return { exitCode: Number(process.exitCode ?? 0), stdout: stdout.text, stderr: stderr.text };
  } catch (error) {
    const { text, exitCode } = describeFailure(error, { redact: asItIs, debug: false });
    return { exitCode, stdout: stdout.text, stderr: stderr.text + text };
  } finally {
    process.exitCode = before;
  }
};
