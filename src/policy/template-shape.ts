import { segmentsOf } from '../route-pattern.ts';
import { folded, literalBelow, literalsOf, type Node } from './route-index.ts';

/** A gateway may serve everything on `/*`: a template that takes many paths must not hide which one was asked for. */
export const takesManyPaths = (template: string): boolean => template.includes(':') || template.includes('*');

/** The segments of a template's paths: a text for itself, null for any one segment. */
export type TemplateShape = readonly (string | null)[];

const plainSegment = /^[^?#%;\\:*.][^?#%;\\:*]*$/;

/**
 * The shape of a template whose paths meet no policy that the template itself does not meet; null where one of them may:
 * `/orders/:id` while there is a policy for `/orders/latest`.
 */
export const shapeOf = (template: string, root: Node): TemplateShape | null => {
  const shape: (string | null)[] = [];
  let nodes: readonly Node[] = [root];
  for (const segment of segmentsOf(template)) {
    const name = folded(segment);
    const literal = plainSegment.test(segment);
    if (!literal && (segment.includes('*') || !segment.includes(':'))) return null;
    const told = (node: Node): boolean => literalsOf(node) > (literalBelow(node, name) ? 1 : 0);
    if (!literal && nodes.some(told)) return null;
    shape.push(literal ? segment : null);
    nodes = nodes.flatMap((node) => [literalBelow(node, name) ?? [], node.star ?? []].flat());
  }
  return shape;
};

const slash = 0x2f;
const dot = 0x2e;
/** `?`, `#`: the path ends. */
const endsPath = (code: number): boolean => code === 0x3f || code === 0x23;
/** `%`, `;`, `\`: servers differ about what comes of it. */
const isAmbiguous = (code: number): boolean => code === 0x25 || code === 0x3b || code === 0x5c;

/** Where the segment ends that begins at `start`; -1 where it is empty or may be read in more than one way. */
const endOfSegment = (path: string, start: number): number => {
  let at = start;
  for (; at < path.length; at += 1) {
    const code = path.charCodeAt(at);
    if (code === slash || endsPath(code)) break;
    if (isAmbiguous(code)) return -1;
  }
  return at === start || path.charCodeAt(start) === dot ? -1 : at;
};

/** Whether a path is, to every server, one of the template's. A false alarm costs a look at the path, nothing else. */
export const fitsShape = (shape: TemplateShape, path: string): boolean => {
  let at = 0;
  for (const segment of shape) {
    if (path.charCodeAt(at) !== slash) return false;
    if (segment === null) {
      at = endOfSegment(path, at + 1);
      if (at < 0) return false;
    } else {
      if (!path.startsWith(segment, at + 1)) return false;
      at += 1 + segment.length;
    }
  }
  return at > 0 && (at === path.length || endsPath(path.charCodeAt(at)));
};
