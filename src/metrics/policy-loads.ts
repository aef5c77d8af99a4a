import { policiesLoaded } from './channels.ts';
import type { ObservedPolicies, PolicyLoadSource } from './observed.ts';
import type { Reading } from './watched.ts';

interface Followed {
  /** Gates that share one source must not count its loads twice. */
  users: number;
  readonly stop: () => void;
}

/** Policy sets as they come into force, over all sources of the process. */
export class PolicyLoads {
  readonly #followed = new WeakMap<PolicyLoadSource, Followed>();
  #loads = 0;
  #refused = 0;
  #current: { readonly version: number; readonly size: number } | null = null;

  /** Counts the set in force now and every later one. Returns the way to stop. */
  add(source: PolicyLoadSource): () => void {
    const followed = this.#followed.get(source) ?? this.#follow(source);
    followed.users += 1;
    let open = true;
    return () => {
      if (!open) return;
      open = false;
      followed.users -= 1;
      if (followed.users > 0) return;
      followed.stop();
      this.#followed.delete(source);
    };
  }

  refused(): void {
    this.#refused += 1;
  }

  read(): readonly Reading[] {
    if (this.#current === null) return [];
    const { version, size } = this.#current;
    return [
      { instrument: 'policyLoads', value: this.#loads, attributes: {} },
      { instrument: 'policiesRefused', value: this.#refused, attributes: {} },
      { instrument: 'policyCount', value: size, attributes: {} },
      { instrument: 'policyVersion', value: version, attributes: {} },
    ];
  }

  #follow(source: PolicyLoadSource): Followed {
    this.#loaded(source.current());
    const followed = { users: 0, stop: source.onChange((next) => this.#loaded(next)) };
    this.#followed.set(source, followed);
    return followed;
  }

  #loaded(set: ObservedPolicies): void {
    this.#loads += 1;
    // 12 hexadecimal digits are 48 bits: exact as a number.
    this.#current = { version: Number.parseInt(set.version, 16), size: set.policies.length };
    policiesLoaded(set);
  }
}
