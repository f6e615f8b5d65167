import { hostileDevices, hostileEngine, items, kept } from '../engines';
import type { Person } from '../person';
import type { Scene } from './scene';

async function found(person: Person): Promise<void> {
  await person.devices('IPADOS', 'device');
}

async function selected(person: Person): Promise<void> {
  await found(person);
  await person.selectAll();
}

async function review(person: Person): Promise<void> {
  await selected(person);
  await person.press('Control+Enter');
  await person.see('confirm-dialog');
}

/** What was named by somebody who means harm. A name that is run as code shows as an error or in the page's title. */
export const hostileScenes: readonly Scene[] = [
  {
    name: 'hostile-people',
    engine: hostileEngine,
    act: async (person) => {
      await person.type('search-input', 'user');
      await person.see('user-option', 3);
    },
  },
  {
    name: 'hostile-apps',
    engine: hostileEngine,
    act: async (person) => {
      await person.search('exam', 'app');
      await person.see('app-option', 3);
    },
  },
  { name: 'hostile-results', engine: hostileEngine, act: selected },
  {
    name: 'hostile-menu',
    engine: hostileEngine,
    act: async (person) => {
      await person.click('account-menu');
      await person.see('sign-out');
    },
  },
  { name: 'hostile-confirmation', engine: hostileEngine, act: review },
  {
    name: 'hostile-run',
    engine: hostileEngine,
    act: async (person) => {
      await review(person);
      await person.click('confirm-button');
      await person.until('the end', () => document.querySelector('[data-run-state="finished"]'));
      await person.click('open-detail', 1);
      await person.see('item-detail');
    },
  },
  {
    name: 'hostile-history',
    engine: () => {
      const engine = hostileEngine();
      const devices = hostileDevices();
      devices.forEach(({ name }, at) =>
        engine.keep(
          kept(
            `run-${at}`,
            items(devices, () => ({ state: 'done' })),
            { reason: name, account: name },
          ),
        ),
      );
      return engine;
    },
    act: async (person) => {
      await person.openFromMenu('open-history');
      await person.see('history-run', 3);
    },
  },
];
