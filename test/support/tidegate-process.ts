import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { compiledScript } from '../services/compiled.ts';
import { projectFolder } from '../services/folders.ts';

export interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The program as a person runs it: a process of its own, with nothing of this one's environment but the PATH. */
export class TidegateProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #stdout = '';
  #stderr = '';

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const { PATH = '', HOME = '' } = process.env;
    this.#child = spawn(process.execPath, [compiledScript('src/cli/main.ts'), ...args], {
      cwd: projectFolder,
      env: { PATH, HOME, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      this.#stdout += chunk.toString();
    });
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr += chunk.toString();
    });
    this.#ended = once(this.#child, 'close');
  }

  /** The URL it says it listens on. Rejects with what it said when it ends before. */
  async url(): Promise<string> {
    for (;;) {
      const url =
        /https?:\/\/[\d.]+:\d+/.exec(this.#stdout)?.[0] ??
        /(?:probes at|console:) (https?:\/\/[\d.]+:\d+)/.exec(this.#stderr)?.[1];
      if (url !== undefined) return url;
      if (this.#child.exitCode !== null) throw new Error(`it ended: ${this.#stderr}`);
      await Promise.race([
        once(this.#child.stdout ?? this.#child, 'data'),
        once(this.#child.stderr ?? this.#child, 'data'),
        this.#ended,
      ]);
    }
  }

  /** The first group of what it says on stderr, as soon as it has said it. Rejects when it ends before. */
  async said(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = pattern.exec(this.#stderr)?.[1];
      if (found !== undefined) return found;
      if (this.#child.exitCode !== null) throw new Error(`it ended: ${this.#stderr}`);
      await Promise.race([once(this.#child.stderr ?? this.#child, 'data'), this.#ended]);
    }
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async ended(): Promise<Ended> {
    await this.#ended;
    return { exitCode: this.#child.exitCode, stdout: this.#stdout, stderr: this.#stderr };
  }
}

/** Runs a command to its end. */
export const runTidegate = (args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended> =>
  new TidegateProcess(args, env).ended();
