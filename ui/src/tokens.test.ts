import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

import { describe, expect, it } from 'vitest';

const css = readFileSync(resolve(import.meta.dirname, 'tokens.css'), 'utf8');
const [lightCss = '', darkCss = ''] = css.split('@media (prefers-color-scheme: dark)');

function colours(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6});/g)].map((hit) => [hit[1], hit[2]]),
  );
}

const light = colours(lightCss);
const themes = { light, dark: { ...light, ...colours(darkCss) } };

function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const part = parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [low = 0, high = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

const grounds = ['bg', 'bg-subtle', 'bg-hover', 'bg-selected'];
const text: [string, string][] = [
  ...['text', 'text-2', 'accent-text', 'good', 'warn', 'bad'].flatMap((ink) =>
    grounds.map((ground): [string, string] => [ink, ground]),
  ),
  ...['text', 'text-2'].flatMap((ink) =>
    ['warn-bg', 'bad-bg', 'info-bg', 'good-bg'].map((ground): [string, string] => [ink, ground]),
  ),
  ['warn', 'warn-bg'],
  ['bad', 'bad-bg'],
  ['info', 'info-bg'],
  ['good', 'good-bg'],
  ['on-accent', 'accent'],
  ['on-accent', 'accent-hover'],
  ['on-stripe', 'stripe-plate'],
];
const edges: [string, string][] = [
  ['line-strong', 'bg'],
  ['line-strong', 'bg-subtle'],
  ['accent', 'bg'],
  ['segment-accepted', 'bg'],
  ['segment-failed', 'bg'],
  ...Array.from({ length: 8 }, (_, index): [string, string] => [`tenant-${index}`, 'bg-subtle']),
];

describe.each(Object.entries(themes))('the %s theme', (_, theme) => {
  const of = ([a, b]: [string, string]) => contrast(theme[a] ?? 'missing', theme[b] ?? 'missing');

  it.each(text)('%s can be read on %s', (...pair) => expect(of(pair)).toBeGreaterThanOrEqual(4.5));

  it.each(edges)('%s can be told from %s', (...pair) => expect(of(pair)).toBeGreaterThanOrEqual(3));
});

it('colours are written in the token file alone', () => {
  const sources = import.meta.glob<string>(['./**/*.svelte', './base.css'], {
    query: '?raw',
    import: 'default',
    eager: true,
  });
  expect(Object.keys(sources).length).toBeGreaterThan(15);
  for (const [file, source] of Object.entries(sources)) {
    expect(source, file).not.toMatch(/(?<![&\w])#[0-9a-f]{3,8}\b|rgba?\(|hsl\(/i);
  }
});
