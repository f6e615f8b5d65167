import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

import { describe, expect, it, onTestFinished, vi } from 'vitest';

import configure from '../../vite.config';
import { FAKE_NOW } from '../backend/fake-tenant';
import { now, useClock } from '../state/clock.svelte';
import { scenes } from './scenes';
import { m, stretched, stretchWords } from './stretch';

const source = resolve(import.meta.dirname, '..');

/** The file that an import in `from` names, if it is one of ours. */
function imported(from: string, name: string): string | null {
  if (!name.startsWith('.')) return null;
  const path = join(dirname(from), name);
  return (
    ['', '.ts', '/index.ts', '.svelte', '.js']
      .map((end) => path + end)
      .find((file) => /\.\w+$/.test(file) && existsSync(file)) ?? null
  );
}

/** Every file that is reached from `entry`. */
function reached(entry: string): Set<string> {
  const seen = new Set<string>();
  const open = [entry];
  for (let file = open.pop(); file; file = open.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    for (const [, name] of readFileSync(file, 'utf8').matchAll(/(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g)) {
      const next = imported(file, name ?? '');
      if (next) open.push(next);
    }
  }
  return seen;
}

const ours = (files: Set<string>) =>
  [...files]
    .filter((file) => /\/gallery\/|\/backend\/fake/.test(file))
    .map((file) => file.slice(source.length));

describe('the gallery', () => {
  it('is no part of the packaged UI', async () => {
    const packaged = reached(join(source, 'main.ts'));
    expect(packaged.size).toBeGreaterThan(50);
    expect(ours(packaged)).toEqual([]);
    expect(ours(reached(join(source, 'gallery/main.ts')))).toContain('/backend/fake.ts');

    const build = async (mode: string) => configure({ mode, command: 'build' });
    expect((await build('production')).build?.rolldownOptions?.input).toBe('index.html');
    const plugins = JSON.stringify((await build('production')).plugins);
    expect(plugins).not.toContain('stretchable');
    expect(JSON.stringify((await build('fake')).plugins)).toContain('stretchable');
  });

  it('has no two scenes of one name', () => {
    const names = scenes.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^[a-z0-9-]+$/);
  });

  it('shows the same engines on every day', () => {
    onTestFinished(() => void vi.useRealTimers());
    for (const { name, engine } of scenes) {
      const made = ['2026-11-30T12:00:00Z', '2031-03-01T12:00:00Z'].map((day) => {
        vi.setSystemTime(day);
        return JSON.stringify(engine());
      });
      expect(made[1], name).toBe(made[0]);
    }
  });

  it('gives its page the time of the engine, which stands still', async () => {
    useClock(() => 0);
    document.body.innerHTML = '<div id="app"></div>';
    history.replaceState(null, '', '#scene=desk-empty');
    await import('./main');
    expect(now()).toBe(FAKE_NOW);
  });

  it('draws words 40 % longer, and figures as they are', () => {
    expect(stretched('Cancel')).toHaveLength(9);
    expect(stretched('Recover 5 passcodes')).toMatch(/^\p{L}{10} 5 \p{L}{13}$/u);
    expect(stretched('2026-11-24')).toBe('2026-11-24');
  });

  it('stretches the messages only when it is asked to', () => {
    stretchWords(false);
    expect(m.cancel()).toBe('Cancel');
    stretchWords(true);
    expect(m.cancel()).toBe(stretched('Cancel'));
    expect(m.sign_in_to_tenant({ tenant: 'Contoso' })).toBe(`${stretched('Tenant')}: Contoso`);
    expect(m.device_count({ count: 2 })).toBe(`2 ${stretched('devices')}`);
    stretchWords(false);
  });
});
