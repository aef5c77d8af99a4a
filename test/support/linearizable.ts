/** One call of one client: when it was made and answered, in the order of all calls and answers. */
export interface Call<Act> {
  readonly act: Act;
  readonly calledAt: number;
  readonly answeredAt: number;
  readonly answer: string;
  /** What the answer named. */
  readonly id: string;
}

export interface SequentialModel<State, Act> {
  /** What one after the other would answer; changes the state. */
  apply(state: State, call: Call<Act>): string;
  /** Whether this can be how it all ended. */
  endsRight(state: State): boolean;
}

/**
 * Whether there is an order of the calls, each between its call and its answer, in which one after the other answers the
 * same: an exhaustive search that goes back where it fails, and tries no state twice. For histories of at most 20 calls.
 */
export const isLinearizable = <State, Act>(
  calls: readonly Call<Act>[],
  start: State,
  model: SequentialModel<State, Act>,
): boolean => {
  const tried = new Set<string>();
  const search = (state: State, left: readonly number[]): boolean => {
    if (left.length === 0) return model.endsRight(state);
    const key = `${left.join()} ${JSON.stringify(state)}`;
    if (tried.has(key)) return false;
    tried.add(key);
    const firstAnswer = Math.min(...left.map((index) => calls[index]?.answeredAt ?? 0));
    return left.some((index) => {
      const call = calls[index];
      // Somebody else's answer came before this was called: that one must go first.
      if (!call || call.calledAt > firstAnswer) return false;
      const next = structuredClone(state);
      if (model.apply(next, call) !== call.answer) return false;
      return search(
        next,
        left.filter((other) => other !== index),
      );
    });
  };
  return search(
    start,
    calls.map((_, index) => index),
  );
};
