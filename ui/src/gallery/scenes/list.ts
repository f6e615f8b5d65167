import { problem, type FakeBackend } from '../../backend/fake';
import { desk, finds, hostile, hostileEngine } from '../engines';
import type { Person } from '../person';
import type { Scene } from './scene';

/** One of each: found, found twice by its user, double, unknown, and far too long to be one. */
const mixed = `SN000050\nSN000060\nSN000060\nuser0003@contoso.example\nSN999999\n${'x'.repeat(300)}`;

async function list(person: Person, tab: string, text = mixed): Promise<void> {
  await person.click('mode-list');
  await person.type('list-input', text);
  await person.click('list-lookup');
  await person.click(`list-tab-${tab}`);
}

/** Looking up the list ended early. */
function halfRead(): FakeBackend {
  return desk((engine) => {
    engine.unread = (entry) => entry > 'SN000055';
    finds(engine, { complete: false, problem: problem('service') });
  });
}

export const listScenes: readonly Scene[] = [
  { name: 'list-panel', engine: () => desk(), act: (person) => person.click('mode-list') },
  ...['one', 'several', 'none', 'double', 'notRead'].map((tab): Scene => ({
    name: tab === 'notRead' ? 'list-not-read' : `list-${tab}`,
    engine: () => (tab === 'notRead' ? halfRead() : desk()),
    act: (person) => list(person, tab),
  })),
  {
    name: 'list-reading',
    engine: () =>
      desk((engine) => {
        engine.rowsAtOnce = 2;
        engine.readsAll = true;
      }),
    act: async (person) => {
      await person.click('mode-list');
      await person.type('list-input', mixed);
      await person.click('list-lookup');
      await person.see('progress');
    },
  },
  {
    name: 'hostile-list',
    engine: hostileEngine,
    act: (person) => list(person, 'none', hostile.join('\n')),
  },
];
