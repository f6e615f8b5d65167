// Every view as a picture: `#scene=NAME&lang=es&theme=dark&stretch=1` goes there and stands still. Without a scene, the list.
import '../tokens.css';
import '../base.css';

import { mount } from 'svelte';

import App from '../App.svelte';
import { useClock } from '../state/clock.svelte';
import * as further from '../views/further';
import { Person, still } from './person';
import { scenes } from './scenes';
import { stretchWords } from './stretch';

const asked = new URLSearchParams(location.hash.slice(1));
const root = document.documentElement;
const target = document.getElementById('app');
const scene = scenes.find(({ name }) => name === asked.get('scene'));

if (target && scene) void play(target);
else if (target) list(target);

// Another hash is another scene, from nothing.
addEventListener('hashchange', () => location.reload());

async function play(target: HTMLElement): Promise<void> {
  if (!scene) return;
  localStorage.clear();
  const theme = asked.get('theme');
  if (theme) {
    localStorage.setItem('unlatch.theme', theme);
    root.dataset['theme'] = theme;
  }
  stretchWords(asked.has('stretch'));
  const engine = scene.engine();
  useClock(() => engine.now);
  engine.status = {
    ...engine.status,
    settings: { ...engine.status.settings, language: asked.get('lang') ?? 'en' },
  };
  mount(App, { target, props: { backend: engine, further } });
  try {
    await still();
    await scene.act?.(new Person(), engine);
    await still();
    root.dataset['ready'] = scene.name;
  } catch (thrown) {
    root.dataset['failed'] = thrown instanceof Error ? thrown.message : String(thrown);
  }
}

function list(target: HTMLElement): void {
  const items = scenes.map(({ name, from = 0 }) => {
    const link = document.createElement('a');
    link.href = `#scene=${name}`;
    link.textContent = name;
    link.dataset['scene'] = name;
    link.dataset['from'] = String(from);
    const item = document.createElement('li');
    item.append(link);
    return item;
  });
  const all = document.createElement('ul');
  all.append(...items);
  target.append(all);
  root.dataset['ready'] = asked.has('scene') ? '' : 'list';
  if (asked.has('scene')) root.dataset['failed'] = `there is no scene ${asked.get('scene')}`;
}
