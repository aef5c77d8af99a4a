import { CommanderError } from 'commander';
import { describe, expect, it } from 'vitest';
import { describeFailure } from '../../../src/cli/failure.ts';
import { redact } from '../../../src/cli/redact.ts';
import { TidegateError } from '../../../src/errors.ts';

const quiet = { redact, debug: false };

describe('what a failed command says', () => {
  it('is one line, then one per problem with its path, exit code 2', () => {
    const problems = [
      { path: 'policies[0].limit', message: 'must be >= 1' },
      { path: 'policies[1].name', message: 'is missing' },
    ];
    const report = describeFailure(
      new TidegateError('POLICY_INVALID', 'policies.yaml was refused', { problems }),
      quiet,
    );
    expect(report.exitCode).toBe(2);
    expect(report.text.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^tidegate: policies\.yaml was refused\. .*\[POLICY_INVALID]$/),
      '  policies[0].limit: must be >= 1',
      '  policies[1].name: is missing',
    ]);
  });

  it('stays one line when the message has several, and shows no password', () => {
    const cause = new Error('socket closed');
    const error = new TidegateError('ENGINE_UNREACHABLE', 'redis://:hunter22@h:1 is away\n  at once', { cause });
    const { text } = describeFailure(error, quiet);
    expect(text.trimEnd().split('\n')).toHaveLength(1);
    expect(text).not.toContain('hunter22');
  });

  it('of an unexpected error is one line without a stack and exit code 1; with debug the stack follows', () => {
    const error = new Error('boom', { cause: new Error('spark') });
    const report = describeFailure(error, quiet);
    expect(report).toMatchObject({
      exitCode: 1,
      text: expect.stringMatching(/^tidegate: unexpected: boom\. .*--debug.*\n$/),
    });
    expect(describeFailure(error, { redact, debug: true }).text).toMatch(/\n\s+at [\s\S]*caused by: Error: spark/);
  });

  it('ends with 1, not 2, when the work itself failed', () => {
    expect(describeFailure(new TidegateError('TOTALS_DIFFER', 'one is missing'), quiet).exitCode).toBe(1);
  });

  it('adds nothing to what commander has said', () => {
    expect(describeFailure(new CommanderError(1, 'commander.unknownOption', 'x'), quiet)).toEqual({
      text: '',
      exitCode: 2,
    });
    expect(describeFailure(new CommanderError(0, 'commander.helpDisplayed', 'x'), quiet)).toEqual({
      text: '',
      exitCode: 0,
    });
  });
});
