import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

import { describe, expect, it } from 'vitest';

const css = readFileSync(resolve(import.meta.dirname, 'tokens.css'), 'utf8');
const colour = '#[0-9a-f]{6}';

/** The colours of one theme; a colour for both stands alone. With `contrast`, as who asks for more of it sees them. */
function colours(theme: 0 | 1, contrast = false): Record<string, string> {
  const [plain = '', more = ''] = css.split('@media (prefers-contrast: more)');
  const text = contrast ? plain + more : plain;
  return Object.fromEntries(
    [
      ...text.matchAll(
        new RegExp(`--([\\w-]+):\\s*(?:light-dark\\((${colour}), (${colour})\\)|(${colour}));`, 'g'),
      ),
    ].map((hit) => [hit[1], hit[4] ?? hit[2 + theme]]),
  );
}

const themes = {
  light: colours(0),
  dark: colours(1),
  'light high-contrast': colours(0, true),
  'dark high-contrast': colours(1, true),
};

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

it('a chosen theme narrows what the system may decide', () => {
  expect(css).toMatch(/:root \{\s*color-scheme: light dark;/);
  expect(css).toMatch(/:root\[data-theme='light'\] \{\s*color-scheme: light;/);
  expect(css).toMatch(/:root\[data-theme='dark'\] \{\s*color-scheme: dark;/);
});

it('who asks for more contrast gets words and edges of at least 7 : 1', () => {
  for (const theme of [themes['light high-contrast'], themes['dark high-contrast']]) {
    for (const ink of ['text', 'text-2', 'line-strong']) {
      expect(contrast(theme[ink] ?? 'missing', theme['bg'] ?? 'missing'), ink).toBeGreaterThanOrEqual(7);
    }
  }
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
