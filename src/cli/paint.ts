import { adapter } from './engines.ts';

/** Colours by what they mean; on anything but a terminal they are nothing. */
export interface Paint {
  readonly good: (text: string) => string;
  readonly doubtful: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly faint: (text: string) => string;
  readonly strong: (text: string) => string;
}

const same = (text: string): string => text;
export const noPaint: Paint = { good: same, doubtful: same, bad: same, faint: same, strong: same };

/** Of a stream; NO_COLOR switches them off there, too. */
export const paintFor = async (stream: NodeJS.WritableStream): Promise<Paint> => {
  if (!('isTTY' in stream) || stream.isTTY !== true) return noPaint;
  const { default: colors } = await adapter(() => import('picocolors'));
  if (!colors.isColorSupported) return noPaint;
  return { good: colors.green, doubtful: colors.yellow, bad: colors.red, faint: colors.dim, strong: colors.bold };
};
