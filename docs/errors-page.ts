import { errorCatalogue } from '../src/errors.ts';

const section = ([code, { meaning, next }]: [string, { meaning: string; next: string }]): string =>
  `## ${code}\n\n${meaning}\n\n**Next:** ${next}\n`;

/** docs/reference/errors.md, whole. */
export const errorsPage = (): string => `# Errors

Generated from \`src/errors.ts\` by \`npm run docs\`.

Whatever tidegate throws is a \`TidegateError\` with one of these codes, and keeps what it came from as \`cause\`. Where
\`retryable\` is true, the same call may succeed later without anyone changing anything. Where an input was refused,
\`problems\` lists all that is wrong with it, each with its path. Commands print one line and exit with code 2.

A denial or a block is not an error: it is the value of a decision.

${Object.entries(errorCatalogue).map(section).join('\n')}`;
