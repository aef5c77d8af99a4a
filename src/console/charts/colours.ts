import type { OutcomeName } from './outcome-points.ts';

/** A colour of the theme in force, for what draws on a canvas. */
export const colour = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

const tilePx = 8;

/** Diagonal lines over the colour: blocked ones are told from denied ones without seeing either colour. */
export const hatched = (name: OutcomeName): CanvasPattern | string => {
  const tile = document.createElement('canvas');
  tile.width = tilePx;
  tile.height = tilePx;
  const context = tile.getContext('2d');
  if (context === null) return colour(name);
  context.fillStyle = colour(name);
  context.fillRect(0, 0, tilePx, tilePx);
  context.strokeStyle = colour('card');
  context.lineWidth = 1.5;
  context.beginPath();
  for (const shift of [-tilePx, 0, tilePx]) {
    context.moveTo(shift, tilePx);
    context.lineTo(shift + tilePx, 0);
  }
  context.stroke();
  return context.createPattern(tile, 'repeat') ?? colour(name);
};
