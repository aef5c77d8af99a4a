import { type AlertStore, type LoadedAlerts, noAlerts, type StoredAlerts } from '../alert/alert-store.ts';
import type { Clock } from '../clock.ts';

/** Alerts in this process: what is known of them ends with it. */
export class MemoryAlertStore implements AlertStore {
  readonly #clock: Clock;
  #lead: { readonly holder: string; readonly untilMs: number } | null = null;
  /** As text, so that nobody shares objects with it. */
  #text = JSON.stringify(noAlerts);
  #revision = 0;

  constructor({ clock }: { readonly clock: Clock }) {
    this.#clock = clock;
  }

  async lead(holder: string, ttlMs: number): Promise<boolean> {
    const nowMs = this.#clock.nowMs();
    if (this.#lead !== null && this.#lead.holder !== holder && this.#lead.untilMs > nowMs) return false;
    this.#lead = { holder, untilMs: nowMs + ttlMs };
    return true;
  }

  async release(holder: string): Promise<void> {
    if (this.#lead?.holder === holder) this.#lead = null;
  }

  async load(): Promise<LoadedAlerts> {
    return { alerts: JSON.parse(this.#text) as StoredAlerts, unfit: null };
  }

  async save(next: StoredAlerts, after: number): Promise<boolean> {
    if (this.#revision !== after) return false;
    this.#revision = next.revision;
    this.#text = JSON.stringify(next);
    return true;
  }
}
