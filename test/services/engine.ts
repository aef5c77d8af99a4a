import { killDaemon, stopDaemon } from './daemon.ts';
import { type ProcessId, signal } from './process-id.ts';

export const engineNames = ['redis', 'kafka'] as const;
export type EngineName = (typeof engineNames)[number];

/** What is remembered of an engine that was started, enough to find, stop and start it again. */
export interface EngineState {
  readonly name: EngineName;
  readonly url: string;
  readonly version: string;
  readonly id: ProcessId;
  readonly folder: string;
  /** The one clients connect to, then any others. */
  readonly ports: readonly number[];
}

export interface LaunchOptions {
  /** Data and log of this engine alone. */
  readonly folder: string;
  /** True: the engine dies with this process. */
  readonly tied: boolean;
  /** The ports to use. Default: free ones. */
  readonly ports?: readonly number[];
}

/** Starts an engine and resolves when it is healthy. Throws ServiceError. */
export type Launch = (options: LaunchOptions) => Promise<EngineState>;

/** An engine of one test, to be broken at will. */
export interface OwnEngine {
  readonly url: string;
  readonly port: number;
  /** SIGKILL: what a crash looks like. */
  kill(): Promise<void>;
  /** Starts it again on the same port with what it had stored. Call after {@link kill} or {@link shutDown}. */
  restart(): Promise<void>;
  /** Ends it in good order and keeps its data. */
  shutDown(): Promise<void>;
  /** SIGSTOP: connections stay open, nothing answers. */
  freeze(): void;
  thaw(): void;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

/** An engine handle around a launcher. */
export const ownEngine = async (launch: Launch, options: LaunchOptions & { remove(): void }): Promise<OwnEngine> => {
  let state = await launch(options);
  return {
    url: state.url,
    port: state.ports[0] ?? 0,
    kill: () => killDaemon(state.id),
    restart: async () => {
      state = await launch({ ...options, ports: state.ports });
    },
    shutDown: () => stopDaemon(state.id),
    freeze: () => signal(state.id, 'SIGSTOP'),
    thaw: () => signal(state.id, 'SIGCONT'),
    stop: async () => {
      await killDaemon(state.id);
      options.remove();
    },
  };
};
