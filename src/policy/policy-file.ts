import { type FSWatcher, watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { type Clock, systemClock, type Timer } from '../clock.ts';
import { fileTroubleOf, messageOf, type Problem, TidegateError } from '../errors.ts';
import { type Logger, warningLogger } from '../logger.ts';
import { text as asText, checkOptions } from '../option-checks.ts';
import { parsePolicies } from './parse.ts';
import type { PolicySet, PolicySource } from './policy.ts';

export interface PolicyFileOptions {
  readonly path: string;
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Default: what is refused or hardly meant goes to `process.emitWarning`. */
  readonly logger?: Logger;
  /** Called with what is wrong with a new version that was refused. */
  readonly onRefused?: (error: TidegateError) => void;
}

/** Editors write in several steps: the file is read once it has been left alone for this long. */
const settleMs = 50;
/** File notices get lost on some network file systems: the file is looked at this often in any case. */
const pollMs = 2000;
const maxFileBytes = 64 * 1024 * 1024;

const readText = async (path: string): Promise<string> => {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    const why = fileTroubleOf(cause);
    throw new TidegateError('POLICY_INVALID', `The policy file ${path} cannot be read: ${why}`, { cause });
  });
  if (text.length > maxFileBytes) throw new TidegateError('POLICY_INVALID', `The policy file ${path} is over 64 MiB`);
  return text;
};

const parseNamed = (path: string, text: string): PolicySet => {
  try {
    return parsePolicies(text);
  } catch (error) {
    if (!(error instanceof TidegateError)) throw error;
    const message = error.message.replace(/^The policies have|^The policy file is/, (start) =>
      start.endsWith('is') ? `${path} is` : `${path} has`,
    );
    throw new TidegateError(error.code, message, { cause: error.cause, problems: error.problems });
  }
};

const inWords = (problems: readonly Problem[]): string =>
  problems.map(({ path, message }) => `${path} ${message}`).join('; ');

/** In the log line itself; the rest is in its field, and `tidegate policies check` shows all. */
const maxShownWarnings = 5;

const logWarnings = (logger: Logger, path: string, { warnings }: PolicySet): void => {
  if (warnings.length === 0) return;
  const shown = inWords(warnings.slice(0, maxShownWarnings));
  const more = warnings.length > maxShownWarnings ? `; and ${warnings.length - maxShownWarnings} more` : '';
  logger.warn({ path, warnings }, `policies are valid, but hardly meant so: ${shown}${more}`);
};

/** A policy file and its later versions: a valid one is live at once, an invalid one is refused and the last one stays. */
class PolicyFile implements PolicySource {
  readonly #options: PolicyFileOptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #listeners = new Set<(next: PolicySet) => void>();
  readonly #watcher: FSWatcher | undefined;
  #set: PolicySet;
  #text: string;
  #settling: Timer | undefined;
  #polling: Timer | undefined;
  #closed = false;
  /** What was said last, so that a file that stays bad is named once, not with every look at it. */
  #refused = '';

  constructor(options: PolicyFileOptions, first: { text: string; set: PolicySet }) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#logger = options.logger ?? warningLogger;
    this.#set = first.set;
    this.#text = first.text;
    logWarnings(this.#logger, options.path, first.set);
    this.#watcher = this.#watch();
    this.#poll();
  }

  current(): PolicySet {
    return this.#set;
  }

  onChange(listener: (next: PolicySet) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#closed = true;
    this.#watcher?.close();
    this.#settling?.cancel();
    this.#polling?.cancel();
    this.#listeners.clear();
  }

  /** The folder, not the file: editors and config maps replace the file, which ends a watch on the file itself. */
  #watch(): FSWatcher | undefined {
    const { path } = this.#options;
    try {
      const watcher = watch(dirname(path), { persistent: false }, (_event, name) => {
        if (name === null || name === basename(path) || name.startsWith('..')) this.#settle();
      });
      watcher.on('error', (error) => this.#logger.warn({ err: error.message, path }, 'policy file is polled only'));
      return watcher;
    } catch (error) {
      this.#logger.warn({ err: messageOf(error), path }, 'policy file is polled only');
      return undefined;
    }
  }

  #settle(): void {
    this.#settling?.cancel();
    this.#settling = this.#clock.schedule(settleMs, () => void this.#reload());
  }

  #poll(): void {
    this.#polling = this.#clock.schedule(pollMs, () => {
      void this.#reload().finally(() => {
        if (!this.#closed) this.#poll();
      });
    });
  }

  async #reload(): Promise<void> {
    const { path } = this.#options;
    try {
      const text = await readText(path);
      if (this.#closed || text === this.#text) return;
      this.#text = text;
      this.#refused = '';
      this.#accept(parseNamed(path, text));
    } catch (error) {
      this.#refuse(
        error instanceof TidegateError
          ? error
          : new TidegateError('POLICY_INVALID', messageOf(error), { cause: error }),
      );
    }
  }

  #accept(set: PolicySet): void {
    if (set.version === this.#set.version) return;
    this.#set = set;
    const { path } = this.#options;
    this.#logger.info({ path, version: set.version, policies: set.policies.length }, 'policies changed');
    logWarnings(this.#logger, path, set);
    for (const listener of this.#listeners) listener(set);
  }

  #refuse(refusal: TidegateError): void {
    const said = `policies refused: ${refusal.message}. ${inWords(refusal.problems)}`;
    if (this.#closed || said === this.#refused) return;
    this.#refused = said;
    this.#logger.error({ path: this.#options.path, problems: refusal.problems }, said);
    this.#options.onRefused?.(refusal);
  }
}

/** Reads a policy file once. Throws POLICY_INVALID when it cannot be read, and with every problem in it. */
export const readPolicyFile = async (path: string): Promise<PolicySet> => parseNamed(path, await readText(path));

/** Reads and watches a policy file. Throws POLICY_INVALID when the first version is refused, CONFIG_INVALID without a path. */
export const watchPolicyFile = async (options: PolicyFileOptions): Promise<PolicySource> => {
  checkOptions('watchPolicyFile()', options, { path: asText });
  const text = await readText(options.path);
  return new PolicyFile(options, { text, set: parseNamed(options.path, text) });
};
