/** The colours do what they were chosen for. */
import { expect, it } from 'vitest';
import { PEER_COLORS, PEER_TEXT_COLOR, peerColor, peerColorStyle } from './peer-colors.ts';

type Triple = [number, number, number];
type Matrix = [Triple, Triple, Triple];

/** Linear light, 0 to 1. */
function linear(hex: string): Triple {
  const channel = (at: number) => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return [channel(1), channel(3), channel(5)];
}

const dot = (a: Triple, b: Triple) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const times = ([a, b, c]: Matrix, color: Triple): Triple => [dot(a, color), dot(b, color), dot(c, color)];
const luminance = (hex: string) => dot([0.2126, 0.7152, 0.0722], linear(hex));

/** https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio */
function contrast(a: string, b: string): number {
  const [dark = 0, light = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

/** https://bottosson.github.io/posts/oklab/ */
function oklab(color: Triple): Triple {
  const lms = times(
    [
      [0.4122214708, 0.5363325363, 0.0514459929],
      [0.2119034982, 0.6806995451, 0.1073969566],
      [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    color,
  );
  return times(
    [
      [0.2104542553, 0.793617785, -0.0040720468],
      [1.9779984951, -2.428592205, 0.4505937099],
      [0.0259040371, 0.7827717662, -0.808675766],
    ],
    [Math.cbrt(lms[0]), Math.cbrt(lms[1]), Math.cbrt(lms[2])],
  );
}

/** Machado, Oliveira and Fernandes 2009, severity 1, on linear light. */
const VISION: Record<string, Matrix> = {
  normal: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

it('names can be read on each, and carets seen on the editor’s ground', () => {
  expect(new Set(PEER_COLORS).size).toBe(12);
  const [onLight = '', onDark = ''] = PEER_TEXT_COLOR.match(/#\w{6}/g) ?? [];
  for (const [index, color] of PEER_COLORS.entries()) {
    expect(contrast(color, onDark)).toBeGreaterThanOrEqual(4.5);
    expect(contrast(color, '#0d1015')).toBeGreaterThanOrEqual(4.5);
    // Mixed with black in OKLab, the lightness of each of its cone responses shrinks; light is their cube.
    const share = Number(/(\d+)%/.exec(peerColorStyle(index))?.[1]) / 100;
    const light = luminance(color) * share ** 3;
    for (const ground of [onLight, '#fcfdfe']) {
      expect((luminance(ground) + 0.05) / (light + 0.05)).toBeGreaterThanOrEqual(4.5);
    }
  }
});

it.each([
  ['normal', 0.14],
  ['protanopia', 0.085],
  ['deuteranopia', 0.085],
  ['tritanopia', 0.085],
] as const)('any two differ for eyes with %s vision', (vision, least) => {
  const matrix = VISION[vision]!;
  const clip = (value: number) => Math.min(1, Math.max(0, value));
  const seen = PEER_COLORS.map((color) => {
    const [r, g, b] = times(matrix, linear(color));
    return oklab([clip(r), clip(g), clip(b)]);
  });
  const distances = seen.flatMap((one, at) =>
    seen.slice(at + 1).map((other) => Math.hypot(one[0] - other[0], one[1] - other[1], one[2] - other[2])),
  );
  expect(Math.min(...distances)).toBeGreaterThanOrEqual(least);
});

it('any number is a colour', () => {
  expect([0, 11, 12, 25, -1, 1.5, Number.NaN].map(peerColor)).toEqual([0, 11, 0, 1, 11, 1, 0]);
});
