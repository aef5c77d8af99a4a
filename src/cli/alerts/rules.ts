import { Command } from 'commander';
import type { AlertDefinition } from '../../alert/definition.ts';
import type { AlertRule } from '../../alert/rule.ts';
import { formatDurationMs } from '../../duration.ts';
import { type AlertsInForce, readAlertsFile } from '../alerts-file.ts';
import { columns } from '../columns.ts';
import { contextOf, type Host, settingsCommand } from '../command-line.ts';
import { instantText } from '../time-text.ts';

const jsonOf = (rule: AlertDefinition, isOff: boolean): object => ({
  alert: rule.id,
  severity: rule.severity,
  area: rule.area,
  when: rule.when,
  for: formatDurationMs(rule.forMs),
  keepFiring: formatDurationMs(rule.keepFiringMs),
  asks: rule.question.kind,
  isOff,
  likely: rule.likely,
});

const allOf = ({ rules, off }: AlertsInForce): object[] => [
  ...rules.map((rule) => jsonOf(rule, false)),
  ...off.map((rule) => jsonOf(rule, true)),
];

const rowOf = (rule: AlertDefinition | AlertRule, isOff: boolean): string[] => [
  rule.id,
  isOff ? 'off' : rule.severity,
  rule.area,
  rule.forMs === 0 ? 'at once' : `for ${formatDurationMs(rule.forMs)}`,
  rule.when,
];

/** `tidegate alerts rules`. */
export const alertsRulesCommand = (host: Host): Command => {
  const command = settingsCommand({
    name: 'rules',
    summary: 'List every alert, as it is in force with this file',
    settings: ['alertsFile', 'logLevel'],
    help: `
Example:
  $ tidegate alerts rules --alerts-file alerts.yaml`,
  }).option('--json', 'print {"rules"} as one line');
  return command.action(async (flags: { json?: boolean }) => {
    const { config } = await contextOf(command, host);
    const inForce = readAlertsFile(config.alertsFile);
    if (flags.json === true) return void host.stdout.write(`${JSON.stringify({ rules: allOf(inForce) })}\n`);
    const rows = [...inForce.rules.map((rule) => rowOf(rule, false)), ...inForce.off.map((rule) => rowOf(rule, true))];
    host.stdout.write(columns(rows));
  });
};

/** `tidegate alerts check`. */
export const alertsCheckCommand = (host: Host): Command =>
  new Command('check')
    .summary('Check an alerts file, with every problem and its place')
    .description('Check an alerts file, with every problem and its place.')
    .argument('<file>', 'the file of alertsFile')
    .option('--json', 'print {"rules"} as one line')
    .helpOption('-h, --help', 'this text')
    .addHelpText(
      'after',
      '\nExit codes: 0 it is valid, 2 it is not.\n\nExample:\n  $ tidegate alerts check alerts.yaml\n',
    )
    .action((file: string, flags: { json?: boolean }) => {
      const inForce = readAlertsFile(file);
      const { rules, off, mutes } = inForce;
      if (flags.json === true) return void host.stdout.write(`${JSON.stringify({ rules: allOf(inForce) })}\n`);
      const are = (count: number): string => (count === 1 ? 'is' : 'are');
      const inForceText = `${rules.length} ${rules.length === 1 ? 'alert' : 'alerts'} ${are(rules.length)} in force`;
      host.stdout.write(`${inForceText}, ${off.length} ${are(off.length)} off.\n`);
      for (const { alerts, untilMs, reason } of mutes) {
        host.stdout.write(`Muted until ${instantText(untilMs)}: ${alerts?.join(', ') ?? 'all'} (${reason})\n`);
      }
    });
