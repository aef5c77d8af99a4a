import { misuseCatalogue } from '../src/misuse.ts';

type Entry = (typeof misuseCatalogue)[keyof typeof misuseCatalogue];

const section = ([code, { meaning, harm, next }]: [string, Entry]): string =>
  `## ${code}\n\n${meaning}\n\n**Harm:** ${harm}\n\n**Next:** ${next}\n`;

/** docs/reference/misuse.md, whole. */
export const misusePage = (): string => `# Misuse that tidegate finds

Generated from \`src/misuse.ts\` by \`npm run docs\`.

Some set-ups start, answer, and still do not limit what they should. Where tidegate sees one, it says so once per process and
kind: to the \`logger\` of the middleware or of the gate, and without one through \`process.emitWarning\`, with the code
below. It never prints by itself.

Option \`onMisuse\` of the middlewares and of \`createGate\` chooses what happens: \`warn\` (the default), \`throw\` (an error with
the code \`MISUSED\`, each time: for tests and staging), or \`ignore\`. What would let any client name its own address is no
warning but refused at the start, as \`CONFIG_INVALID\`: \`trustedProxies\` of \`true\`, of a hop count, or of the whole internet.

${Object.entries(misuseCatalogue).map(section).join('\n')}`;
